import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reaper } from '../../src/heart/reaper.ts';
import { VirtualTime } from '../service/virtual-time.ts';

const APP = { group: 'db', resource: 'app', processes: [{ pid: 1, startTime: '1' }], mark: 'M=1' };
const lease = (validUntilBootMs: number) => ({ epoch: 1, validUntilBootMs, graceMs: 800, volumes: [] });

/** Its timers stand still while the machine is suspended, as those of Node.js do; its boot clock does not. */
function trial() {
  const time = new VirtualTime();
  const done: string[] = [];
  let suspendedMs = 0;
  let lives = true;
  const reaper = new Reaper(
    {
      clock: { wallMs: () => time.wallMs(), bootMs: () => time.bootMs() + suspendedMs },
      timers: time,
      log: () => {},
      processes: {
        spawn: () => assert.fail('it spawns nothing'),
        alive: () => lives,
        startTime: () => undefined,
        waitedForProcessorMs: () => undefined,
        killGroup: () => {
          done.push('by group');
          lives = false;
        },
      },
      processTrees: {
        killMarked: () => {
          if (lives) done.push('by mark');
          return lives ? 1 : 0;
        },
      },
    },
    (groups) => done.push(...groups),
  );
  return { time, done, reaper, suspend: (ms: number) => (suspendedMs += ms) };
}

test('what is killed is sought by its mark while its parents live', () => {
  const { done, reaper } = trial();
  reaper.register([APP]);
  reaper.killGroup('db', () => {});
  assert.deepEqual(done, ['by mark', 'by group']);
  reaper.close();
});

test('a lease that lapses while the machine is suspended ends what runs as soon as it wakes up', () => {
  const { time, done, reaper, suspend } = trial();
  const leases = new Map([['db', lease(time.bootMs() + 5000)]]);
  reaper.leased(leases);
  reaper.register([APP]);
  time.run(1000);
  suspend(3_600_000);
  assert.deepEqual(done, []);
  time.run(200);
  assert.deepEqual(done, ['by mark', 'by group', 'db']);
  reaper.close();
});
