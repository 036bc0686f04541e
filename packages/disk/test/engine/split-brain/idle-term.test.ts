/** A replica was promoted by force and wrote nothing: the other side's writes are all there is, although its term is the older one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MIB } from '@eterne/base';
import { Pair, type TestNode } from '../support/pair.ts';

/** Of `a`, before the two parted and after. */
const WRITES = [
  { block: 1, fill: 10 },
  { block: 3, fill: 30 },
] as const;

const isAlone = ({ volume }: TestNode): boolean => volume.status().peers[0]?.connection === 'Connecting';

/** `a` has written alone in its term; `b` was promoted twice since, without a write. Nobody is primary, and the link is whole again. */
function afterIdleTerms(): Pair {
  const pair = new Pair({ diskBytes: MIB, config: { sizeBytes: MIB } }).startMirror();
  pair.write(pair.a, WRITES[0].block, WRITES[0].fill);
  pair.network.isCut = true;
  pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
  pair.until(() => isAlone(pair.a) && isAlone(pair.b));
  pair.write(pair.a, WRITES[1].block, WRITES[1].fill);
  for (let time = 0; time < 2; time += 1) {
    pair.promote(pair.b, { force: true });
    pair.demote(pair.b);
  }
  pair.demote(pair.a);
  pair.network.isCut = false;
  return pair;
}

const isCopied = ({ a, b }: Pair): boolean =>
  [a, b].every(({ volume }) => {
    const [peer] = volume.status().peers;
    return peer?.replication === 'Established' && peer.dirtyBytes === 0;
  });

function assertKept(pair: Pair): void {
  pair.until(() => isCopied(pair));
  pair.promote(pair.a);
  for (const { block, fill } of WRITES) assert.equal(pair.read(pair.a, block), fill);
  pair.until(() => pair.isEqual());
  pair.assertIdentical();
}

/** Events from the link's return until both are equal. */
function eventsOfCopy(): number {
  const pair = afterIdleTerms();
  let count = 0;
  pair.until(() => {
    count += 1;
    return isCopied(pair);
  });
  return count;
}

describe('a term in which nothing was written', () => {
  test('does not turn the copy round, wherever the link is cut', () => {
    const count = eventsOfCopy();
    assert.ok(count > 20, 'there is something to cut');
    for (let cutAfter = 1; cutAfter <= count; cutAfter += 1) {
      const pair = afterIdleTerms();
      let left = cutAfter;
      pair.until(() => left-- === 0);
      pair.network.isCut = true;
      pair.until(() => isAlone(pair.a));
      pair.network.isCut = false;
      assertKept(pair);
    }
  });

  test('nor where either side is killed and starts again', () => {
    const count = eventsOfCopy();
    for (let killAfter = 1; killAfter <= count; killAfter += 1) {
      const pair = afterIdleTerms();
      const { a, b } = pair;
      const [victim, other] = killAfter % 2 === 0 ? [a, b] : [b, a];
      let left = killAfter;
      pair.until(() => left-- === 0);
      victim.kill(true);
      pair.until(() => isAlone(other));
      victim.start();
      assertKept(pair);
    }
  });
});
