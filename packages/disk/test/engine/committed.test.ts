/** What the cluster had committed is known to a replica before it meets its peer, also where a crash came between the commitment and its answer (invariant 1). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Arbiter, Grant } from '../../src/engine/api.ts';
import { Pair } from './support/pair.ts';
import { Register } from './support/register.ts';

/** `a` serves, `b` was in the set and is down. */
function served(pair: Pair, register: Register): Pair {
  const { a, b } = pair;
  a.start();
  b.start();
  register.promote(pair, a, [a, b]);
  pair.until(() => register.set.members.length === 2);
  b.kill();
  pair.until(() => register.set.members.length === 1);
  return pair;
}

function written(pair: Pair): void {
  const write = pair.begin(pair.a, 0, 1);
  pair.until(() => write.answer === 'ok');
}

/** `b` is back in the set, `a` has not heard of it, and loses its power with a write that only `b` has on its disk. */
function crashedUnaware(committed: (register: Register) => Grant | undefined): {
  readonly pair: Pair;
  readonly register: Register;
} {
  const register = new Register();
  let isAnswered = true;
  const arbiter = (): Arbiter => {
    const told = register.term === 0 ? undefined : committed(register);
    return {
      committed: told,
      propose: (proposal, done) =>
        register.propose(proposal, (answer) => {
          if (isAnswered) done(answer);
        }),
    };
  };
  const pair = new Pair({ arbiter });
  const { a, b } = served(pair, register);
  isAnswered = false;
  b.start();
  pair.until(() => register.set.members.length === 2);
  written(pair);
  assert.deepEqual(a.volume.status().inSyncSet, ['a']);
  a.kill(true);
  isAnswered = true;
  a.start();
  pair.until(() => pair.isConnected());
  pair.scheduler.runFor(3000);
  return { pair, register };
}

const known = ({ term, set }: Register): Grant => ({ term: { number: term, grantor: 'cluster' }, set });

describe('what was committed before a crash', () => {
  test('a crashed primary does not overwrite whom it had taken in without knowing', () => {
    const { pair, register } = crashedUnaware(known);
    const { a, b } = pair;
    assert.equal(a.data.content[0], 0, 'the crash has cost it the write');
    assert.equal(b.data.content[0], 1);
    register.promote(pair, b, [a, b]);
    pair.until(() => pair.isEqual());
    assert.deepEqual([a.data.content[0], b.data.content[0]], [1, 1]);
  });

  test('it is durable, and stays when the next start tells nothing newer', () => {
    const { pair, register } = crashedUnaware(known);
    const { a } = pair;
    const newest = register.set;
    pair.network.isCut = true;
    a.kill(true);
    register.set = { version: newest.version - 1, members: ['a'] };
    a.start();
    assert.deepEqual(a.volume.status().inSyncSet, newest.members);
  });

  test('nothing is taken of another grantor', () => {
    const { pair } = crashedUnaware(({ term, set }) => ({
      term: { number: term + 5, grantor: 'another' },
      set: { ...set, version: set.version + 5 },
    }));
    assert.equal(pair.a.volume.status().term, 1);
  });

  test('a copy goes on when its target is told of a term that its source has not been given yet', () => {
    const register = new Register();
    let told: Grant | undefined;
    const arbiter = (): Arbiter => ({
      ...(told === undefined ? {} : { committed: told }),
      propose: (proposal, done) => register.propose(proposal, done),
    });
    const rateBytes = 1 << 20;
    const resyncRate = { minBytesPerSecond: rateBytes, maxBytesPerSecond: rateBytes };
    const pair = new Pair({ arbiter, config: { resyncRate } });
    const { a, b } = served(pair, register);
    written(pair);
    a.kill();
    a.start();
    b.start();
    pair.until(() => b.volume.status().disk === 'Inconsistent');
    b.kill();
    told = {
      term: { number: 2, grantor: 'cluster' },
      set: { version: register.set.version + 1, members: ['a'] },
    };
    b.start();
    pair.until(() => b.volume.status().disk === 'Consistent');
    assert.equal(b.data.content[0], 1);
  });

  test('whoever is not told that its loss was accepted still brings what it alone has to the copy that is to go on', () => {
    const register = new Register();
    const pair = new Pair({ arbiter: () => register });
    const { a, b } = served(pair, register);
    written(pair);
    a.kill();
    b.start();
    register.set = { version: register.set.version + 1, members: ['b'] };
    a.start();
    pair.until(() => pair.isConnected());
    pair.until(() => b.volume.status().peers[0]?.replication === 'Established');
    register.promote(pair, b, [a, b]);
    pair.until(() => pair.isEqual());
    assert.deepEqual([a.data.content[0], b.data.content[0]], [1, 1]);
  });
});
