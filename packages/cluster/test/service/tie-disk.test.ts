/** A disk that cannot be the tie-breaker is refused with the document that names it: the pair would have nothing, and only who leads would say so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { SharedDisks } from '@eterne/runtime';
import { BOARD_END } from '../../src/heart/wire/board.ts';
import { memberIdOf } from '../../src/raft/types.ts';
import { LiveFacade } from '../../src/service/service-facade.ts';
import { FakeCluster } from './fake-cluster.ts';
import { settle } from './settle.ts';

const CONTENT: Readonly<Record<string, Buffer>> = {
  '/dev/blank': Buffer.alloc(BOARD_END),
  '/dev/used': Buffer.alloc(BOARD_END, 0x55),
};

const disks: SharedDisks = {
  open: (path, done) => {
    const content = CONTENT[path];
    if (content === undefined) return done(new EterneError('not-found', `open ${path}: ENOENT`));
    return done({
      read: (offset, length, finished) => finished(Buffer.from(content.subarray(offset, offset + length))),
      write: () => assert.fail('it is the leader who makes it'),
      close: () => {},
    });
  },
};

test('a disk that is not there, or is used, is refused; a blank one is configured', async () => {
  const cluster = new FakeCluster(['n1', 'n2']);
  const world = { clock: cluster.time, timers: cluster.time };
  const maker = {
    disks,
    timers: cluster.time,
    random: { bytes: (length: number) => Buffer.alloc(length, 7) },
  };
  const facade = new LiveFacade(cluster.machine('n2').service, world, maker);
  const apply = (device: string): Promise<unknown> =>
    settle(cluster, facade.configApply({ cluster: { tieBreaker: { kind: 'disk', device } } }, 'me'));
  await assert.rejects(apply('/dev/none'), /\/dev\/none cannot be the tie-breaker: open \/dev\/none: ENOENT/);
  await assert.rejects(apply('/dev/used'), /\/dev\/used is not empty: it may hold somebody's data/);
  assert.equal(cluster.state().config.tieBreaker.kind, 'none');
  await apply('/dev/blank');
  assert.deepEqual(cluster.state().config.tieBreaker, { kind: 'disk', device: '/dev/blank', ping: [] });
});

test('the one that decides in the place of a lost node stays configured until that is back', async () => {
  const cluster = new FakeCluster(['n1', 'n2', 'w1']);
  const world = { clock: cluster.time, timers: cluster.time };
  const { service } = cluster.machine('n1');
  const facade = new LiveFacade(service, world);
  const apply = (tieBreaker: object): Promise<unknown> =>
    settle(cluster, facade.configApply({ cluster: { tieBreaker } }, 'me'));
  await apply({ kind: 'disk', device: '/dev/blank' });
  const logMembers = ['n1', 'n2'].map((name) => ({ id: memberIdOf(name, `${name}-voter`), role: 'voter' }));
  const tie = { kind: 'disk', votes: true, trouble: undefined, held: undefined };
  Object.defineProperty(service.core.view, 'logMembers', { get: () => logMembers, set: () => {} });
  Object.defineProperty(service.core.view, 'tie', { get: () => tie, set: () => {} });
  cluster.powerOff('n2');
  cluster.time.until(() => cluster.state().members['n2']?.presence === 'lost', 3000, 'n2 is lost');
  await assert.rejects(apply({ kind: 'none' }), /n2 is not heard, and \/dev\/blank decides in its place/);
  cluster.powerOn('n2');
  cluster.time.until(() => cluster.state().members['n2']?.presence === 'online', 3000, 'n2 is back');
  await apply({ kind: 'none' });
});
