/**
 * When what was found counts as trouble, and when it is over. Pure.
 *
 *                found for its onset              well for its hold
 *   nothing known ────────────────► it stands ─────────────────────► over, remembered for an hour
 *                                        ▲                                  │ found for its onset
 *                                        └────── the next hold is twice as long
 *
 * So nothing that comes and goes moves a group more often than once in a hold, which grows to ten minutes. What is not watched any more is
 * taken for well: a group that has left must not come back at once because nobody looks.
 */
import type { Look } from '../../ports.ts';
import { TROUBLES_MAX, type Trouble, type TroubleKind } from '../../state/watch.ts';

export interface Finding extends Look {
  readonly is: 'well' | 'trouble' | 'unknown';
  /** Of a trouble: half a sentence. */
  readonly detail: string;
}

/** Longer than what passes by itself, or is repaired in place. */
const ONSET_MS: Readonly<Record<TroubleKind, number>> = {
  link: 1500,
  address: 3000,
  disk: 4000,
  replica: 4000,
  readOnly: 6000,
  full: 4000,
  memory: 30_000,
};
const HOLD_MS = 30_000;
const HOLD_MS_MAX = 600_000;
const REMEMBERED_MS = 3_600_000;

interface Entry extends Trouble {
  readonly badSinceMs: number | undefined;
  readonly wellSinceMs: number | undefined;
  readonly stands: boolean;
  /** How often it has come back. */
  readonly recurrences: number;
  readonly endedMs: number | undefined;
}

export type TroubleBook = ReadonlyMap<string, Entry>;

export const keyOfLook = ({ kind, subject }: Look): string => `${kind} ${subject}`;

/** `findings`: what one round found; what it did not look at stays as it was. `wanted`: keys of everything that is watched. */
export function weigh(
  book: TroubleBook,
  nowMs: number,
  wanted: ReadonlySet<string>,
  findings: readonly Finding[],
): TroubleBook {
  const next = new Map(book);
  for (const finding of findings) {
    const key = keyOfLook(finding);
    const entry = next.get(key);
    if (finding.is === 'trouble') next.set(key, worse(entry ?? unheardOf(finding), nowMs, finding.detail));
    else if (finding.is === 'well' && entry) next.set(key, better(entry, nowMs));
  }
  for (const [key, entry] of next) {
    const settled = wanted.has(key) ? entry : better(entry, nowMs);
    next.set(key, settled);
    if (isForgotten(settled, nowMs)) next.delete(key);
  }
  return next;
}

/** What stands, the same way round every time. */
export function standing(book: TroubleBook): readonly Trouble[] {
  return [...book]
    .filter(([, { stands }]) => stands)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, TROUBLES_MAX)
    .map(([, { kind, subject, detail }]) => ({ kind, subject, detail }));
}

export function standsIn(book: TroubleBook, look: Look): boolean {
  return book.get(keyOfLook(look))?.stands ?? false;
}

function unheardOf({ kind, subject, detail }: Finding): Entry {
  return {
    kind,
    subject,
    detail,
    badSinceMs: undefined,
    wellSinceMs: undefined,
    stands: false,
    recurrences: 0,
    endedMs: undefined,
  };
}

function worse(entry: Entry, nowMs: number, detail: string): Entry {
  const badSinceMs = entry.badSinceMs ?? nowMs;
  const found = { ...entry, detail, badSinceMs, wellSinceMs: undefined };
  if (entry.stands || nowMs - badSinceMs < ONSET_MS[entry.kind]) return found;
  const recurrences = entry.endedMs === undefined ? 0 : entry.recurrences + 1;
  return { ...found, stands: true, recurrences };
}

function better(entry: Entry, nowMs: number): Entry {
  const wellSinceMs = entry.wellSinceMs ?? nowMs;
  const well = { ...entry, badSinceMs: undefined, wellSinceMs };
  const holdMs = Math.min(HOLD_MS * 2 ** entry.recurrences, HOLD_MS_MAX);
  if (!entry.stands || nowMs - wellSinceMs < holdMs) return well;
  return { ...well, stands: false, endedMs: nowMs };
}

function isForgotten({ stands, badSinceMs, endedMs }: Entry, nowMs: number): boolean {
  if (stands || badSinceMs !== undefined) return false;
  return endedMs === undefined || nowMs - endedMs > REMEMBERED_MS;
}
