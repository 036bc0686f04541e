/**
 * Which of two logs goes on from the other. A pair that prefers availability may go on in two halves that do not know of each other; each stay alone is a *half*
 * with an id of its own, and a node's lineage is the row of halves that its log has been through. Pure.
 *
 *   mine      theirs
 *   r         r         same      one log
 *   r a       r         behind    the other was dead or frozen while this node was alone: all it has committed is here too
 *   r         r a       ahead     likewise, the other way round
 *   r a       r b       parted    both went on: neither log may touch the other
 *   r a       r         parted    if `a` began without knowing everything (an operator accepted the loss)
 *
 * A lineage begins with what both certainly have: whatever is in the other's lineage need not be told any more (`trimmed`).
 */
import { ByteReader, ByteWriter, malformed } from '../codec.ts';

export interface Half {
  readonly id: string;
  /** Who went on alone. */
  readonly node: string;
  /** Groups that it owned then. */
  readonly groups: number;
  /** Wall clock, for people. */
  readonly atMs: number;
  /** It had everything that was committed. */
  readonly knowsAll: boolean;
}

/** Never empty. */
export type Lineage = readonly Half[];

/** Stays alone that the other has not heard of yet; one more is refused. */
export const LINEAGE_MAX = 16;

export type Kinship =
  | { readonly kind: 'same' | 'ahead' | 'behind' }
  /** `mine`, `theirs`: the first halves that only one of them has; of strangers, that have nothing in common, neither. */
  | { readonly kind: 'parted'; readonly mine: Half | undefined; readonly theirs: Half | undefined };

const STRANGERS = { mine: undefined, theirs: undefined } as const;

/** Where both were one: of a tie-breaker that was just made. */
export function rootOf(tie: string): Lineage {
  return [{ id: tie, node: '', groups: 0, atMs: 0, knowsAll: true }];
}

export function kinship(mine: Lineage, theirs: Lineage): Kinship {
  const [own, other] = aligned(mine, theirs);
  const common = own.findIndex((half, index) => other[index]?.id !== half.id);
  const at = common === -1 ? own.length : common;
  const [x, y] = [own[at], other[at]];
  if (x === undefined && y === undefined) return { kind: 'same' };
  if (x === undefined && knowAll(other.slice(at))) return { kind: 'ahead' };
  if (y === undefined && knowAll(own.slice(at))) return { kind: 'behind' };
  return { kind: 'parted', ...(at === 0 ? STRANGERS : { mine: x, theirs: y }) };
}

/** Nothing in common: of two tie-breakers. */
export function areStrangers(mine: Lineage, theirs: Lineage): boolean {
  const [own, other] = aligned(mine, theirs);
  return own[0]?.id !== other[0]?.id;
}

/** Both from the first half that both have; of strangers nothing is taken away. */
function aligned(mine: Lineage, theirs: Lineage): readonly [Lineage, Lineage] {
  const inTheirs = theirs.findIndex(({ id }) => id === mine[0]?.id);
  if (inTheirs >= 0) return [mine, theirs.slice(inTheirs)];
  const inMine = mine.findIndex(({ id }) => id === theirs[0]?.id);
  return inMine >= 0 ? [mine.slice(inMine), theirs] : [mine, theirs];
}

function knowAll(halves: readonly Half[]): boolean {
  return halves.every(({ knowsAll }) => knowsAll);
}

/**
 * Which of two parted halves stays; both sides find the same one. The one whose node owned more groups when it went on alone, for they ran on without a
 * take-over; of equals the one whose name comes first. One that an operator let go on, accepting what may be lost, stays where the other
 * side did nothing alone. Undefined: nobody can tell.
 */
export function survivor(mine: Half | undefined, theirs: Half | undefined): 'mine' | 'theirs' | undefined {
  if (mine === undefined) return theirs && 'theirs';
  if (theirs === undefined) return 'mine';
  if (mine.node === theirs.node) return undefined;
  const more = mine.groups - theirs.groups;
  return (more === 0 ? mine.node < theirs.node : more > 0) ? 'mine' : 'theirs';
}

/** Without what the other is known to have, too. */
export function trimmed(mine: Lineage, theirs: Lineage): Lineage {
  const last = mine.findLastIndex(({ id }) => theirs.some((half) => half.id === id));
  return last <= 0 ? mine : mine.slice(last);
}

/** In front of every message of the log between the two: `kind u8, count u8, then of each: id, node, groups u32, atMs u64, knowsAll u8`. No message of Raft is of this kind. */
const WRAPPED = 200;

export function wrap(lineage: Lineage, message: Buffer): Buffer {
  const writer = new ByteWriter().u8(WRAPPED).u8(lineage.length);
  for (const { id, node, groups, atMs, knowsAll } of lineage)
    writer
      .text(id)
      .text(node)
      .u32(groups)
      .u64(atMs)
      .u8(knowsAll ? 1 : 0);
  return Buffer.concat([writer.finish(), message]);
}

export interface Unwrapped {
  /** Undefined: its sender knows of no halves. */
  readonly lineage: Lineage | undefined;
  readonly message: Buffer;
}

/** Throws `corrupt` for what is no lineage. */
export function unwrap(bytes: Buffer): Unwrapped {
  if (bytes[0] !== WRAPPED) return { lineage: undefined, message: bytes };
  const reader = new ByteReader(bytes.subarray(1));
  const count = reader.u8();
  if (count === 0 || count > LINEAGE_MAX + 1) throw malformed(`a lineage of ${count} halves`);
  const lineage = Array.from({ length: count }, () => ({
    id: reader.text(),
    node: reader.text(),
    groups: reader.u32(),
    atMs: reader.u64(),
    knowsAll: reader.flag(),
  }));
  return { lineage, message: bytes.subarray(bytes.length - reader.remainingBytes) };
}
