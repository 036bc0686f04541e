/**
 * A mirror set: several volumes that are mirrored as one. To the engine they are one volume, the volumes one behind the other, so whatever the engine keeps
 * for a volume (order of writes, term, in-sync set, generation, bitmaps, rescue points) it keeps for all of them together. Stores are chained below
 * it (`chained-store.ts`), devices are cut out above it (`window-device.ts`). Why: `docs/adr/a-mirror-set-is-one-volume.md`.
 */
import type { Uuid } from '../../metadata/index.ts';
import { derivedUuid } from '../../metadata/uuid.ts';

/** One of its volumes, in the set's order. */
export interface SetMember {
  readonly name: string;
  /** When it is made. Later only the last one may have become larger. */
  readonly sizeBytes: number;
  readonly devicePath: string;
}

/** Where a member's bytes are in the set. */
export interface Window {
  readonly start: number;
  readonly sizeBytes: number;
}

export function totalBytes(members: readonly SetMember[]): number {
  return members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** `setBytes`: the set's size now; what it has grown by belongs to the last member. */
export function windowOf(members: readonly SetMember[], index: number, setBytes: number): Window {
  const start = totalBytes(members.slice(0, index));
  const end = index === members.length - 1 ? setBytes : totalBytes(members.slice(0, index + 1));
  return { start, sizeBytes: end - start };
}

/** What must be the same on every node and at every start, or one volume's blocks would land in another's: the members, and where each begins. */
export function layoutName(members: readonly SetMember[]): Uuid {
  const begins = members.map(({ name }, index) => `${name} ${windowOf(members, index, 0).start}`);
  return derivedUuid('mirror set', ...begins);
}
