import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Pair } from './support/pair.ts';

describe('promotion and demotion', () => {
  test('switch-over: the other side serves what was written', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 5, 1);
    pair.demote(pair.a);
    assert.equal(pair.a.volume.device, undefined);
    pair.promote(pair.b);
    assert.equal(pair.b.volume.status().term, 2);
    assert.equal(pair.read(pair.b, 5), 1);
    pair.write(pair.b, 6, 2);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('is refused while the peer is primary, even with force', () => {
    const pair = new Pair().startMirror();
    assert.equal(pair.tryPromote(pair.b, { force: true })?.code, 'refused');
  });

  test('two at once: one wins', () => {
    const pair = new Pair();
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.isConnected());
    const results: (string | undefined)[] = [];
    pair.a.volume.promote({ force: false }, (error) => results.push(error?.code ?? 'a'));
    pair.b.volume.promote({ force: false }, (error) => results.push(error?.code ?? 'b'));
    pair.until(() => results.length === 2);
    assert.deepEqual(
      results.toSorted((x, y) => (x ?? '').localeCompare(y ?? '')),
      ['a', 'conflict'],
    );
    pair.write(pair.a, 1, 1);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('two at once over a link that was just cut: neither is sure any more', () => {
    const pair = new Pair().startMirror();
    pair.demote(pair.a);
    pair.network.isCut = true;
    const results: (string | undefined)[] = [];
    for (const { volume } of [pair.a, pair.b])
      volume.promote({ force: false }, (error) => results.push(error?.code));
    pair.until(() => results.length === 2);
    assert.deepEqual(results, ['refused', 'refused']);
    pair.network.isCut = false;
    pair.until(() => pair.isEqual());
    pair.promote(pair.b);
  });

  test('a survivor of onPeerLost: continue needs force', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 1, 1);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    assert.equal(pair.b.volume.status().disk, 'Consistent');
    assert.equal(pair.tryPromote(pair.b)?.code, 'refused');
    pair.promote(pair.b, { force: true });
    assert.equal(pair.read(pair.b, 1), 1);
  });

  test('a survivor of onPeerLost: freeze does not', () => {
    const pair = new Pair({ config: { onPeerLost: 'freeze' } }).startMirror();
    pair.write(pair.a, 1, 1);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b);
    pair.write(pair.b, 1, 2);
    pair.a.start();
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
    assert.equal(pair.a.data.content[4096], 2);
  });

  test('a primary that waited steps down by itself when it meets the survivor that was promoted', () => {
    const pair = new Pair({ config: { onPeerLost: 'freeze' } }).startMirror();
    pair.write(pair.a, 1, 1);
    pair.network.isCut = true;
    const held = pair.begin(pair.a, 2, 9);
    pair.until(() => pair.a.volume.status().frozen);
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b);
    pair.write(pair.b, 1, 2);
    pair.network.isCut = false;
    pair.until(() => pair.isEqual());
    assert.equal(pair.a.volume.status().role, 'secondary');
    assert.notEqual(held.answer, 'ok');
    assert.equal(pair.read(pair.b, 1), 2);
    pair.assertIdentical();
  });

  test('nor does a policy throw away what that survivor has, when it is not primary any more', () => {
    const splitBrain = {
      zeroPrimaries: 'discard-younger-primary',
      onePrimary: 'discard-younger-primary',
      twoPrimaries: 'discard-younger-primary',
    } as const;
    const pair = new Pair({ config: { onPeerLost: 'freeze', splitBrain } }).startMirror();
    pair.write(pair.a, 1, 1);
    pair.network.isCut = true;
    pair.until(
      () => pair.a.volume.status().frozen && pair.b.volume.status().peers[0]?.connection === 'Connecting',
    );
    pair.promote(pair.b);
    pair.write(pair.b, 1, 2);
    pair.b.kill();
    pair.b.start();
    assert.deepEqual([pair.a.volume.status().role, pair.b.volume.status().role], ['primary', 'secondary']);
    pair.network.isCut = false;
    pair.until(() => pair.a.volume.status().peers[0]?.replication === 'Established');
    assert.equal(pair.a.volume.status().role, 'secondary');
    pair.promote(pair.b);
    assert.equal(pair.read(pair.b, 1), 2);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('with onPeerLost: freeze the last primary is not certain, since its peer may have gone on', () => {
    const pair = new Pair({ config: { onPeerLost: 'freeze' } }).startMirror();
    pair.write(pair.a, 1, 1);
    pair.network.isCut = true;
    pair.until(() => pair.a.volume.status().frozen);
    pair.demote(pair.a);
    assert.equal(pair.tryPromote(pair.a)?.code, 'refused');
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b);
    pair.write(pair.b, 1, 2);
    pair.b.kill();
    assert.equal(pair.tryPromote(pair.a)?.code, 'refused');
    pair.b.start();
    pair.network.isCut = false;
    pair.until(() => pair.isConnected());
    pair.promote(pair.b);
    pair.until(() => pair.isEqual());
    assert.equal(pair.read(pair.b, 1), 2);
    pair.assertIdentical();
  });

  test('a primary that crashed comes back as target, its in-flight writes are overwritten', () => {
    const pair = new Pair({ diskDelayMs: () => 1 }).startMirror();
    pair.write(pair.a, 1, 1);
    pair.flush(pair.a);
    pair.network.isCut = true;
    pair.begin(pair.a, 1, 9);
    pair.scheduler.runFor(5);
    assert.equal(pair.a.data.content[4096], 9);
    pair.a.kill();
    pair.network.isCut = false;
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.promote(pair.b, { force: true });
    pair.write(pair.b, 2, 2);
    pair.a.start();
    pair.until(() => pair.isEqual() && pair.b.volume.status().inSyncSet.length === 2);
    pair.assertIdentical();
    assert.equal(pair.a.data.content[4096], 1);
    assert.ok(
      (pair.b.volume.status().peers[0]?.resync.toSyncBytes ?? Infinity) <= 4 << 20,
      'one extent at most',
    );
  });

  test('both promoted apart and written: a split brain that both sides see', () => {
    const pair = new Pair().startMirror();
    pair.network.isCut = true;
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    pair.until(() => pair.b.volume.status().peers[0]?.connection === 'Connecting');
    pair.write(pair.a, 1, 1);
    pair.promote(pair.b, { force: true });
    pair.write(pair.b, 1, 2);
    pair.demote(pair.a);
    pair.network.isCut = false;
    pair.until(() =>
      [pair.a, pair.b].every(({ volume }) => {
        const [peer] = volume.status().peers;
        return peer?.splitBrain === true && peer.connection === 'StandAlone';
      }),
    );
    assert.equal(pair.a.data.content[4096], 1);
    assert.equal(pair.b.data.content[4096], 2);
  });

  test('a granted term that is older than one seen is refused', () => {
    const pair = new Pair().startMirror();
    pair.demote(pair.a);
    const granted = { term: { number: 0, grantor: 'cluster' }, set: { version: 5, members: ['b'] } };
    assert.equal(pair.tryPromote(pair.b, { granted })?.code, 'refused');
  });

  test('a primary that is told of a newer term ends its own', () => {
    const pair = new Pair().startMirror();
    const { device } = pair.a.volume;
    pair.promote(pair.b, {
      granted: { term: { number: 7, grantor: 'a' }, set: { version: 5, members: ['b'] } },
    });
    pair.longLease(pair.b);
    pair.until(() => pair.a.volume.status().role === 'secondary');
    let answer: string | undefined;
    device?.write(0, Buffer.alloc(4096, 3), false, (error) => (answer = error));
    assert.equal(answer, 'ESHUTDOWN');
    pair.write(pair.b, 1, 4);
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('disconnect and connect by hand', () => {
    const pair = new Pair().startMirror();
    pair.a.volume.disconnect('b', () => {});
    pair.until(() => pair.a.volume.status().inSyncSet.length === 1);
    assert.equal(pair.a.volume.status().peers[0]?.connection, 'StandAlone');
    pair.write(pair.a, 9, 9);
    pair.a.volume.connect('b', () => {});
    pair.until(() => pair.isEqual());
    pair.assertIdentical();
  });

  test('a demoted primary that crashes later needs no copy of what it once wrote', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 3, 3);
    pair.demote(pair.a);
    pair.promote(pair.b);
    pair.until(() => pair.b.volume.status().inSyncSet.length === 2);
    pair.write(pair.b, 1500, 4);
    pair.flush(pair.b);
    pair.a.kill();
    pair.until(() => pair.b.volume.status().inSyncSet.length === 1);
    pair.write(pair.b, 1501, 5);
    pair.a.start();
    pair.until(() => pair.isEqual());
    assert.equal(pair.b.volume.status().peers[0]?.resync.toSyncBytes, 4096);
    pair.assertIdentical();
  });

  test('a clean close loses nothing, and needs no copy afterwards', () => {
    const pair = new Pair().startMirror();
    pair.write(pair.a, 3, 3);
    let closed = 0;
    pair.a.volume.close(() => (closed += 1));
    pair.until(() => closed === 1);
    pair.a.kill(true);
    pair.b.volume.close(() => (closed += 1));
    pair.until(() => closed === 2);
    pair.b.kill(true);
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.isConnected());
    assert.equal(pair.a.volume.status().peers[0]?.resync?.kind, 'none');
    pair.promote(pair.a);
    assert.equal(pair.read(pair.a, 3), 3);
    pair.assertIdentical();
  });
});

describe('lease', () => {
  test('a granted term serves nothing before the first', () => {
    const pair = new Pair().startMirror();
    pair.demote(pair.a);
    pair.promote(pair.a, {
      granted: { term: { number: 2, grantor: 'cluster' }, set: { version: 3, members: ['a', 'b'] } },
    });
    const write = pair.begin(pair.a, 1, 1);
    pair.scheduler.runFor(500);
    assert.equal(write.answer, undefined);
    assert.equal(pair.a.volume.status().frozen, true);
    pair.longLease(pair.a);
    pair.until(() => write.answer === 'ok');
  });

  test('lapses: everything is held; renewed: it goes on; lapsed for good: the term ends', () => {
    const pair = new Pair().startMirror();
    const { volume } = pair.a;
    const lease = (ms: number): void =>
      volume.setLease({ validUntilBootMs: pair.scheduler.nowMs + ms, graceMs: 800 });
    lease(500);
    pair.write(pair.a, 1, 1);
    pair.scheduler.runFor(600);
    assert.equal(volume.status().frozen, true);
    const write = pair.begin(pair.a, 2, 2);
    pair.scheduler.runFor(100);
    assert.equal(write.answer, undefined);
    lease(500);
    pair.until(() => write.answer === 'ok');
    const last = pair.begin(pair.a, 3, 3);
    pair.until(() => last.answer !== undefined);
    pair.scheduler.runFor(600);
    const never = pair.begin(pair.a, 4, 4);
    pair.until(() => volume.status().role === 'secondary', 1000);
    assert.equal(never.answer, 'ESHUTDOWN');
    assert.equal(volume.device, undefined);
  });
});

describe('initial sync', () => {
  test('full: everything is copied while the source serves', () => {
    const pair = new Pair({ config: { initialSync: 'full' } });
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.isConnected());
    pair.a.data.write(100 * 4096, Buffer.alloc(4096, 0x77));
    assert.equal(pair.tryPromote(pair.a)?.code, 'refused');
    pair.promote(pair.a, { force: true });
    pair.write(pair.a, 1, 1);
    pair.until(() => pair.a.volume.status().peers[0]?.replication === 'SyncSource');
    pair.write(pair.a, 200, 2);
    pair.until(() => pair.isEqual() && pair.a.volume.status().inSyncSet.length === 2);
    pair.assertIdentical();
    const resync = pair.a.volume.status().peers[0]?.resync;
    assert.equal(resync?.kind, 'full');
    assert.equal(resync?.toSyncBytes, 32 << 20);
    assert.ok((resync?.wireBytes ?? Infinity) < 1 << 20, 'zeroes do not cross the wire');
  });
});

describe('the abrupt end of a term', () => {
  /** Everything that can be unanswered: in the store, in flight, waiting for its range, for a flush, at the entry. */
  function begun(pair: Pair): { answer: string | undefined }[] {
    return [
      pair.begin(pair.a, 1, 1),
      pair.begin(pair.a, 1, 2),
      pair.begin(pair.a, 2, 3, 1, true),
      pair.begin(pair.a, 900, 4, 600),
      pair.begin(pair.a, 1, 5),
    ];
  }

  for (const afterMs of [0, 1, 2, 3, 5, 8, 12, 40]) {
    test(`answers everybody, once, and not while the store uses the data (after ${afterMs} ms)`, () => {
      const pair = new Pair({ diskDelayMs: () => 5 }).startMirror();
      const before = begun(pair);
      let flushed: string | undefined;
      pair.a.volume.device?.flush((error) => (flushed = error ?? 'ok'));
      pair.scheduler.runFor(afterMs);
      pair.a.volume.setLease({ validUntilBootMs: pair.scheduler.nowMs - 10, graceMs: 1 });
      assert.equal(pair.a.volume.device, undefined);
      pair.until(() => before.every(({ answer }) => answer !== undefined) && flushed !== undefined);
      assert.equal(pair.a.data.writesInFlight, 0);
      pair.until(() => pair.a.volume.status().role === 'secondary');
      pair.until(() => pair.isEqual());
      pair.assertIdentical();
    });
  }

  test('a demotion asked for during a promotion comes after it', () => {
    const pair = new Pair();
    pair.a.start();
    pair.b.start();
    pair.until(() => pair.isConnected());
    const order: string[] = [];
    pair.a.volume.promote({ force: false }, (error) => order.push(error?.code ?? 'promoted'));
    pair.a.volume.demote(() => order.push('demoted'));
    pair.until(() => order.length === 2);
    assert.deepEqual(order, ['promoted', 'demoted']);
    assert.equal(pair.a.volume.status().role, 'secondary');
  });

  test('a close during a promotion leaves a clean secondary', () => {
    const pair = new Pair();
    pair.a.start();
    let closed = false;
    pair.a.volume.promote({ force: true }, () => {});
    pair.a.volume.close(() => (closed = true));
    pair.until(() => closed);
  });
});
