import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { streamPair } from '@eterne/disk/joined/leg-stream.ts';
import { JsonLink, type Stream } from '@eterne/runtime';
import type { DaemonPids } from '../../src/node/launcher-messages.ts';
import { Watcher, type WatcherWorld } from '../../src/node/watcher.ts';
import { VirtualTime } from '../service/virtual-time.ts';

const SECOND_MS = 1000;
const PIDS: DaemonPids = { service: 1, monitor: 7, heart: 3, disk: 4 };

interface Scene {
  /** Whether the monitor does. */
  answers: boolean;
  /** Of each second, for a processor. */
  waitedMs: number;
}

const nothing = (): never => assert.fail('not for this');

/** A service that watches the monitor of its node. */
function watched() {
  const time = new VirtualTime();
  const startMs = time.bootMs();
  const scene: Scene = { answers: true, waitedMs: 0 };
  const restarts: { readonly pid: number; readonly atMs: number }[] = [];
  let tellPids: (pids: DaemonPids) => void = () => {};
  const answering = (): Stream => {
    const [ours, theirs] = streamPair(time, 'service', 'monitor');
    new JsonLink(theirs, time, {
      onCall: (_name, _body, reply) => scene.answers && reply({ ok: null }),
      onNote: () => {},
      onClose: () => {},
    });
    return ours;
  };
  const network: WatcherWorld['network'] = {
    connect: (_address, _options, done) => done(answering()),
    listen: nothing,
    secure: nothing,
    datagram: nothing,
  };
  const processes: WatcherWorld['processes'] = {
    spawn: nothing,
    alive: nothing,
    startTime: nothing,
    killGroup: nothing,
    waitedForProcessorMs: () => ((time.bootMs() - startMs) / SECOND_MS) * scene.waitedMs,
  };
  const launcher = {
    onPids: (listener: (pids: DaemonPids) => void) => (tellPids = listener),
    restart: (daemon: string, pid: number) => {
      assert.equal(daemon, 'monitor');
      restarts.push({ pid, atMs: time.bootMs() - startMs });
    },
  };
  const watcher = new Watcher({ timers: time, network, processes }, launcher, '/n', 'monitor');
  tellPids(PIDS);
  time.run(5 * SECOND_MS);
  return { time, scene, restarts, watcher, tellPids: (pids: DaemonPids) => tellPids(pids) };
}

describe('another daemon of the node', () => {
  test('that answers is left alone', () => {
    const { time, restarts } = watched();
    time.run(60 * SECOND_MS);
    assert.deepEqual(restarts, []);
  });

  test('that stops answering is reported with its pid, again and again until it is gone', () => {
    const { time, scene, restarts, tellPids } = watched();
    scene.answers = false;
    time.run(5 * SECOND_MS);
    assert.deepEqual(restarts, []);
    time.run(8 * SECOND_MS);
    assert.deepEqual(
      restarts.map(({ pid }) => pid),
      [7, 7],
    );
    tellPids({ ...PIDS, monitor: null });
    time.run(60 * SECOND_MS);
    assert.equal(restarts.length, 2);
  });

  test('that gets no processor is given four times as long', () => {
    const { time, scene, restarts } = watched();
    scene.answers = false;
    scene.waitedMs = 0.9 * SECOND_MS;
    time.run(18 * SECOND_MS);
    assert.deepEqual(restarts, []);
    time.run(6 * SECOND_MS);
    assert.equal(restarts.length, 1);
  });

  test('that is starting may take half a minute to answer first', () => {
    const { time, scene, restarts, tellPids } = watched();
    scene.answers = false;
    tellPids({ ...PIDS, monitor: 8 });
    time.run(29 * SECOND_MS);
    assert.deepEqual(restarts, []);
    time.run(3 * SECOND_MS);
    assert.deepEqual(
      restarts.map(({ pid }) => pid),
      [8],
    );
  });

  test('is not watched any more by a watcher that is closed', () => {
    const { time, scene, restarts, watcher } = watched();
    watcher.close();
    scene.answers = false;
    time.run(60 * SECOND_MS);
    assert.deepEqual(restarts, []);
  });
});
