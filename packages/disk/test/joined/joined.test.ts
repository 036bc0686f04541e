import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXTENT_BYTES } from '../../src/metadata/index.ts';
import { BLOCK } from '../engine/support/mesh.ts';
import { Site, type Host } from './support/site.ts';

const leads = (site: Site, host: Host, name: string): boolean => site.replica(host, name).isSource;

describe('a volume on a LUN of each of two arrays', () => {
  test('is written to both', () => {
    const site = new Site().startServing();
    site.write(site.a, 3, 7);
    site.flush(site.a);
    site.assertIdentical();
    const { disk, inSyncSet, peers, role } = site.a.volume.status();
    assert.deepEqual([disk, inSyncSet, peers, role], ['UpToDate', ['d1', 'd2'], [], 'primary']);
  });

  test('is new and empty until somebody says otherwise', () => {
    const site = new Site();
    site.a.start();
    assert.equal(site.tryPromote(site.a)?.code, 'refused');
    assert.equal(site.a.volume.status().role, 'secondary');
    assert.deepEqual([site.d1.holder, site.d2.holder], [undefined, undefined], 'nothing stays open');
  });

  for (const [lost, other] of [
    ['d1', 'd2'],
    ['d2', 'd1'],
  ] as const)
    test(`loses ${lost} unnoticed, and copies only what it missed`, () => {
      const site = new Site().startServing();
      site.write(site.a, 1, 1, 8);
      const { device } = site.a.volume;
      const before = Array.from({ length: 20 }, (_, index) => site.begin(site.a, 100 + index, 5));
      site[lost].fail();
      site.write(site.a, 2, 2);
      for (const { answer } of before) assert.equal(answer, 'ok');
      assert.equal(site.read(site.a, 1), 1);
      assert.equal(site.read(site.a, 2), 2);
      assert.equal(site.a.volume.device, device, 'front ends see one device');
      assert.ok(leads(site, site.a, other));
      assert.deepEqual(site.a.volume.status().inSyncSet, [other]);
      site.until(() => /does not answer/.test(site.replica(site.a, lost).problem ?? ''));
      site[lost].restore();
      site.until(() => site.isWhole(site.a));
      site.assertIdentical();
      const { kind, toSyncBytes } = site.replica(site.a, lost).resync;
      assert.equal(kind, 'bitmap');
      // Of the one that was leading, whatever its activity log had covered.
      const limit = lost === 'd1' ? EXTENT_BYTES : 64 * BLOCK;
      assert.ok(toSyncBytes <= limit, `${toSyncBytes} bytes`);
    });

  for (const lost of ['d1', 'd2'] as const)
    test(`loses ${lost} while nobody writes, and knows it`, () => {
      const site = new Site().startServing();
      site.scheduler.runFor(3000);
      site[lost].fail();
      site.until(() => !site.a.volume.status().inSyncSet.includes(lost), 5000);
      site[lost].restore();
      site.until(() => site.isWhole(site.a));
      site.assertIdentical();
    });

  test('holds requests while no array is there, and goes on without an error', () => {
    const site = new Site().startServing();
    site.d2.fail();
    site.write(site.a, 5, 5);
    site.d1.fail();
    const held = site.begin(site.a, 6, 6);
    site.until(() => site.a.volume.status().frozen);
    // It lacks what the other one took alone.
    site.d2.restore();
    site.scheduler.runFor(5000);
    assert.equal(held.answer, undefined);
    assert.equal(site.a.volume.status().frozen, true);
    site.d1.restore();
    site.until(() => held.answer !== undefined && site.isWhole(site.a));
    assert.equal(held.answer, 'ok');
    assert.equal(site.read(site.a, 5), 5);
    site.assertIdentical();
  });

  test('copies everything to an array that was replaced', () => {
    const site = new Site().startServing();
    site.write(site.a, 9, 9, 30);
    site.d1.fail();
    site.write(site.a, 10, 10);
    site.d1.wipe();
    site.d1.restore();
    site.until(() => site.isWhole(site.a));
    assert.equal(site.replica(site.a, 'd1').resync.kind, 'full');
    site.assertIdentical();
  });

  test('is frozen by the loss of an array where the configuration says so', () => {
    const site = new Site({ config: { onPeerLost: 'freeze' } }).startServing();
    site.d2.fail();
    const held = site.begin(site.a, 6, 6);
    site.scheduler.runFor(3000);
    assert.equal(held.answer, undefined);
    site.d2.restore();
    site.until(() => held.answer !== undefined && site.isWhole(site.a));
    site.assertIdentical();
  });
});

describe('the other host', () => {
  test('takes over from one that died, with both arrays', () => {
    const site = new Site().startServing();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.promote(site.b);
    assert.equal(site.read(site.b, 4), 4);
    site.until(() => site.isWhole(site.b));
    site.assertIdentical();
    assert.deepEqual([site.d1.holder, site.d2.holder], ['b', 'b']);
  });

  test('takes over from one that only seemed dead: what that one still writes lands nowhere', () => {
    const site = new Site().startServing();
    site.write(site.a, 4, 4);
    // Until it has nothing to write of its own any more, which would show it.
    const quietMs = site.scheduler.nowMs + 500;
    site.until(() => site.scheduler.nowMs > quietMs);
    site.promote(site.b);
    const late = site.begin(site.a, 4, 99);
    site.until(() => late.answer !== undefined);
    assert.equal(late.answer, 'ESHUTDOWN');
    site.until(() => site.a.volume.status().role === 'secondary');
    site.until(() => site.isWhole(site.b));
    assert.equal(site.read(site.b, 4), 4);
    site.assertIdentical();
    assert.deepEqual([site.d1.holder, site.d2.holder], ['b', 'b'], 'nothing is taken back');
  });

  test('is noticed by an idle one, which would serve old data otherwise', () => {
    const site = new Site().startServing();
    site.promote(site.b);
    site.until(() => site.a.volume.device === undefined, 3000);
  });

  test('and one that lost sight of all arrays meanwhile has nothing to say when it sees them again', () => {
    const site = new Site().startServing();
    for (const array of site.arrays) array.fail();
    site.until(() => site.a.volume.status().frozen);
    for (const array of site.arrays) array.restore();
    site.promote(site.b);
    site.write(site.b, 4, 4);
    site.demote(site.b);
    const stale = site.begin(site.a, 5, 5);
    site.until(() => stale.answer !== undefined);
    assert.equal(stale.answer, 'ESHUTDOWN');
    site.until(() => site.a.volume.status().role === 'secondary');
    site.promote(site.a);
    assert.equal(site.read(site.a, 4), 4);
  });

  test('gets the devices back by `promote`, although the first one still believes to serve', () => {
    const site = new Site().startServing();
    site.promote(site.b);
    site.write(site.b, 4, 4);
    site.promote(site.a);
    assert.equal(site.read(site.a, 4), 4);
    assert.deepEqual([site.d1.holder, site.d2.holder], ['a', 'a']);
  });

  test('gets the devices from a demoted one without taking them by force', () => {
    const site = new Site().startServing();
    site.write(site.a, 4, 4);
    site.demote(site.a);
    assert.deepEqual([site.d1.holder, site.d2.holder], [undefined, undefined]);
    site.promote(site.b);
    assert.equal(site.read(site.b, 4), 4);
  });

  test('never trusts an array that was away when the first one went on', () => {
    const site = new Site().startServing();
    site.d2.fail();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.d1.fail();
    site.d2.restore();
    assert.match(site.tryPromote(site.b)?.message ?? '', /newer data|newest copy is on d1/);
    site.d1.restore();
    site.promote(site.b);
    assert.ok(leads(site, site.b, 'd1'));
    assert.equal(site.read(site.b, 4), 4);
    site.until(() => site.isWhole(site.b));
    site.assertIdentical();
  });

  test('goes on with one array where the other was out of the set already', () => {
    const site = new Site().startServing();
    site.d1.fail();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.promote(site.b);
    assert.equal(site.read(site.b, 4), 4);
    site.d1.restore();
    site.until(() => site.isWhole(site.b));
    site.assertIdentical();
  });
});

describe('a split brain by force', () => {
  /** Block 4 was written to d1 alone, then block 5 to d2 alone. */
  function parted(): Site {
    const site = new Site().startServing();
    site.d2.fail();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.d1.fail();
    site.d2.restore();
    site.promote(site.b, true);
    site.write(site.b, 5, 5);
    return site;
  }

  test('is found when the other array returns, and settled by the operator', () => {
    const site = parted();
    site.d1.restore();
    site.until(() => site.replica(site.b, 'd1').splitBrain);
    assert.equal(site.contentOf(site.d1)[4 * BLOCK], 4, 'nothing is overwritten before somebody says so');
    let answer: string | undefined;
    site.b.volume.resolve(undefined, 'remote', (error) => (answer = error?.message ?? 'ok'));
    site.until(() => answer !== undefined && site.isWhole(site.b));
    assert.equal(answer, 'ok');
    site.assertIdentical();
    assert.equal(site.read(site.b, 5), 5);
    assert.equal(site.read(site.b, 4), 0);
  });

  test('is found by the next host', () => {
    const site = parted();
    site.demote(site.b);
    site.d1.restore();
    site.a.start();
    assert.match(site.tryPromote(site.a)?.message ?? '', /split brain/);
    site.promote(site.a, true);
    site.until(() => site.localReplicasParted(site.a));
  });

  test('is none where the other array was not written alone', () => {
    const site = new Site().startServing();
    site.write(site.a, 4, 4);
    site.a.kill();
    site.d1.fail();
    site.promote(site.b, true);
    site.write(site.b, 5, 5);
    site.demote(site.b);
    site.d1.restore();
    site.a.start();
    site.promote(site.a);
    assert.ok(leads(site, site.a, 'd2'));
    site.until(() => site.isWhole(site.a));
    assert.equal(site.read(site.a, 5), 5);
    site.assertIdentical();
  });
});
