/**
 * Who leads a log in etcd: a state machine. It reads no clock and sends nothing. Only etcd's order of transactions is trusted, none of its clocks:
 *
 * 1. The leader renews by changing `beat`, in transactions that fail once `term` is another's, `beat` is not what it last saw, or the epoch is sealed.
 *    `beat` says its take-over time. The leader notes when it *sent* each one that succeeded, s, and claims authority until s + takeOver − drift margin, on
 *    its own boot clock. No renewal names so short a time that the authority claimed before would outlast it.
 * 2. Who wants to take over has to have seen the same revision of `beat` for the time that it says, on its own boot clock, since it *received* it. Its
 *    transaction fails if `beat` or `term` has changed since.
 *
 * The revision that the successor saw is the newest, from a renewal that was done no earlier than it was sent, and it was received no earlier; so the successor's
 * transaction is sent no earlier than s + takeOver of that renewal, and no claim of an earlier one reaches further: nobody else leads within the authority
 * claimed (Invariant 4), whichever profile each member knows of. A renewal that was given up, and is done late, only puts the successor off: it is the
 * leader's next one, for what it compares has not changed. A leader that was paused finds its authority past by its own clock, which counts pauses.
 *
 * ```
 *             beat unchanged for takeOver            transaction done
 *  follower ─────────────────────────▶ (stands) ───────────────▶ leader
 *     ▲                                                             │ another's term seen, released
 *     └─────────────────────────────────────────────────────────────┘
 * ```
 */
import type { MemberId } from '../raft/types.ts';
import { UNSAID_TAKE_OVER_MS, type BeatRecord, type TermRecord } from './layout.ts';
import type { EtcdTiming } from './timing.ts';

/** As etcd had it at `revision`. */
export interface Seen {
  readonly revision: number;
  readonly term: { readonly record: TermRecord; readonly value: Buffer } | undefined;
  readonly beat: { readonly record: BeatRecord; readonly revision: number } | undefined;
}

interface Transfer {
  readonly to: MemberId;
  /** Its authority as it stood when the hand-over began; it grows no more. */
  readonly authorityUntilMs: number;
}

type Role =
  | { readonly kind: 'follower' }
  | {
      readonly kind: 'leader';
      readonly authorityUntilMs: number;
      readonly nextBeatMs: number;
      readonly transfer: Transfer | undefined;
    };

export type Wish =
  /** Take over from what was seen. */
  | { readonly kind: 'stand'; readonly from: Seen; readonly record: TermRecord; readonly beat: BeatRecord }
  | { readonly kind: 'beat'; readonly from: Seen; readonly record: BeatRecord };

export interface LeadingOptions {
  readonly self: { readonly member: MemberId; readonly session: number };
  /** It may change at any moment. */
  readonly timing: () => EtcdTiming;
  /** A whole number in [0, bound). */
  readonly randomBelow: (bound: number) => number;
}

export class Leading {
  readonly #options: LeadingOptions;
  #role: Role = { kind: 'follower' };
  #seen: Seen | undefined;
  /** Since when `beat` (and `term`) are as seen. */
  #sinceMs = 0;
  #jitterMs: number;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(options: LeadingOptions) {
    this.#options = options;
    this.#jitterMs = this.#drawJitter();
  }

  #drawJitter(): number {
    return this.#options.randomBelow(this.#options.timing().beatMs);
  }

  get term(): Seen['term'] {
    return this.#seen?.term;
  }

  get isLeader(): boolean {
    return this.#role.kind === 'leader';
  }

  /** −Infinity: claims nothing. */
  get authorityUntilMs(): number {
    return this.#role.kind === 'leader' ? this.#role.authorityUntilMs : Number.NEGATIVE_INFINITY;
  }

  /** The leader has shown itself within its take-over time. */
  isLeaderFresh(nowMs: number): boolean {
    return this.#seen?.term !== undefined && nowMs - this.#sinceMs < this.takeOverMs;
  }

  /** As the newest `beat` says. */
  get takeOverMs(): number {
    return this.#seen?.beat?.record.takeOverMs ?? UNSAID_TAKE_OVER_MS;
  }

  /** When `wish` has something to say. */
  get dueMs(): number {
    return Math.max(this.#notBeforeMs, this.#wantedMs());
  }

  #wantedMs(): number {
    const { self } = this.#options;
    if (this.#role.kind === 'leader') {
      const { transfer, nextBeatMs } = this.#role;
      return transfer === undefined ? nextBeatMs : transfer.authorityUntilMs + 1;
    }
    const seen = this.#seen;
    if (seen === undefined) return Number.POSITIVE_INFINITY;
    if (seen.term === undefined) return this.#sinceMs + this.#jitterMs / 8;
    if (seen.beat?.record.releasedTo === self.member) return this.#sinceMs;
    return this.#sinceMs + this.takeOverMs + this.#jitterMs;
  }

  wish(nowMs: number): Wish | undefined {
    const from = this.#seen;
    if (nowMs < this.dueMs || from === undefined) return undefined;
    const { takeOverMs } = this.#options.timing();
    if (this.#role.kind === 'leader') {
      this.#count += 1;
      const releasedTo = this.#role.transfer?.to ?? null;
      const leastMs = this.#covering(this.#role.authorityUntilMs - nowMs);
      const record = { count: this.#count, releasedTo, takeOverMs: Math.max(takeOverMs, leastMs) };
      return { kind: 'beat', from, record };
    }
    const record = { term: (from.term?.record.term ?? 0) + 1, ...this.#options.self };
    return { kind: 'stand', from, record, beat: { count: 0, releasedTo: null, takeOverMs } };
  }

  /** An answer of etcd, received at `nowMs`. Answers may overtake each other: an older one tells nothing. */
  observe(seen: Seen, nowMs: number): void {
    const known = this.#seen;
    if (known !== undefined && seen.revision < known.revision) return;
    const isSame = known?.beat?.revision === seen.beat?.revision && sameTerm(known?.term, seen.term);
    this.#seen = seen;
    if (known === undefined || !isSame) {
      this.#sinceMs = nowMs;
      this.#jitterMs = this.#drawJitter();
    }
    if (!this.#isMine(seen)) this.#role = { kind: 'follower' };
    else if (this.#role.kind === 'follower') this.#lead(Number.NEGATIVE_INFINITY, nowMs);
  }

  /** The transaction that was sent at `sentMs` made this member leader, at `revision`. */
  stood(seen: Seen, sentMs: number, nowMs: number): void {
    this.observe(seen, nowMs);
    if (seen.beat) this.#renewed(sentMs, seen.beat.record);
  }

  /** The renewal that was sent at `sentMs` is done. */
  beaten(record: BeatRecord, sentMs: number, revision: number, nowMs: number): void {
    const term = this.#seen?.term;
    if (this.#role.kind !== 'leader' || term === undefined) return;
    this.observe({ revision, term, beat: { record, revision } }, nowMs);
    this.#renewed(sentMs, record);
  }

  /** The attempt came to nothing that is known: again after a while. */
  failed(nowMs: number): void {
    this.#notBeforeMs = nowMs + this.#options.timing().retryMs;
  }

  /** Leader only. Authority stands still from now on, and when it has run out `to` may take over at once. */
  transfer(to: MemberId): boolean {
    if (this.#role.kind !== 'leader' || this.#role.transfer !== undefined) return false;
    const { authorityUntilMs } = this.#role;
    this.#role = { ...this.#role, transfer: { to, authorityUntilMs } };
    return true;
  }

  #renewed(sentMs: number, { takeOverMs }: BeatRecord): void {
    const role = this.#role;
    if (role.kind !== 'leader' || role.transfer !== undefined) return;
    const claimedMs = sentMs + takeOverMs * (1 - this.#driftShare);
    const authorityUntilMs = Math.max(role.authorityUntilMs, claimedMs);
    this.#role = { ...role, authorityUntilMs, nextBeatMs: sentMs + this.#options.timing().beatMs };
  }

  /** The take-over time within which an authority of so much more is certainly over. */
  #covering(authorityMs: number): number {
    return authorityMs > 0 ? Math.ceil(authorityMs / (1 - this.#driftShare)) : 0;
  }

  get #driftShare(): number {
    const { driftMarginMs, takeOverMs } = this.#options.timing();
    return driftMarginMs / takeOverMs;
  }

  #lead(authorityUntilMs: number, nowMs: number): void {
    this.#role = { kind: 'leader', authorityUntilMs, nextBeatMs: nowMs, transfer: undefined };
  }

  #isMine({ term, beat }: Seen): boolean {
    const { member, session } = this.#options.self;
    const released = beat?.record.releasedTo ?? null;
    return term?.record.member === member && term.record.session === session && released === null;
  }
}

function sameTerm(a: Seen['term'], b: Seen['term']): boolean {
  return a === b || (a !== undefined && b !== undefined && a.value.equals(b.value));
}
