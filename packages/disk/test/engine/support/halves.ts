/** A pair of which each side may be primary for itself: two halves that go on apart. */
import type { Arbiter, InSyncSet } from '../../../src/engine/api.ts';
import type { Pair, TestNode } from './pair.ts';

/** Whoever is primary decides alone, as a half does. */
export const half: Arbiter = {
  propose: ({ expectedVersion, members }, done) =>
    done({ kind: 'committed', set: { version: expectedVersion + 1, members } }),
};

/** The node is the only member of the set that its grantor names. */
export function grantAlone(pair: Pair, node: TestNode, number: number, grantor: string): void {
  const set: InSyncSet = { version: 10 * number, members: [node.name] };
  pair.promote(node, { granted: { term: { number, grantor }, set } });
  pair.longLease(node);
}

/** … and both have noticed. */
export function cutApart(pair: Pair): void {
  const isAlone = ({ volume }: TestNode): boolean => volume.status().peers[0]?.connection === 'Connecting';
  pair.network.isCut = true;
  pair.until(() => isAlone(pair.a) && isAlone(pair.b));
}
