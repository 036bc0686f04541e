import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reaper } from '../../src/heart/reaper.ts';
import { VirtualTime } from '../service/virtual-time.ts';

const APP = { group: 'db', resource: 'app', processes: [{ pid: 1, startTime: '1' }], mark: 'M=1' };

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
