import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Watchdog, Watchdogs } from '@eterne/runtime';
import { CLEAR_ALLOWANCE_MS, Vigil } from '../../src/heart/vigil.ts';
import { HeartWatchdog } from '../../src/heart/watchdog.ts';
import type { WatchdogReport } from '../../src/ports.ts';
import { VirtualTime } from '../service/virtual-time.ts';

const DEVICE = { device: '/dev/watchdog', timeoutMs: 2000 };

/** A device that says when the machine would have been reset. */
class Device implements Watchdogs {
  readonly time = new VirtualTime();
  fedMs = 0;
  armed = false;
  failure: string | undefined;
  lost: (error: EterneError) => void = () => {};

  open(_device: string, timeoutMs: number, done: (result: Watchdog | EterneError) => void): void {
    this.time.after(1, () => {
      if (this.failure !== undefined) return done(new EterneError('io', this.failure));
      this.armed = true;
      this.fedMs = this.time.bootMs();
      return done({
        timeoutMs,
        feed: () => (this.fedMs = this.time.bootMs()),
        disarm: () => (this.armed = false),
        onLost: (listener) => (this.lost = listener),
      });
    });
  }

  get hungryMs(): number {
    return this.time.bootMs() - this.fedMs;
  }
}

function trial() {
  const device = new Device();
  const reaper = { isKilling: false };
  const vigil = new Vigil();
  const world = { clock: device.time, timers: device.time, log: () => {} };
  const watchdog = new HeartWatchdog({ world, watchdogs: device, vigil, reaper });
  const reports: WatchdogReport[] = [];
  watchdog.onReport((report) => reports.push(report));
  return { device, reaper, vigil, watchdog, reports };
}

test('it is armed when wanted, fed well within its timeout, disarmed when not wanted any more', () => {
  const { device, watchdog, reports } = trial();
  device.time.run(5000);
  assert.equal(device.armed, false);
  watchdog.want(DEVICE);
  for (let step = 0; step < 1000; step += 1) {
    device.time.run(10);
    assert.ok(device.hungryMs <= 410, `${device.hungryMs} ms`);
  }
  assert.deepEqual(reports.at(-1), { of: DEVICE, armedMs: 2000, trouble: null });
  watchdog.want(null);
  assert.equal(device.armed, false);
  assert.deepEqual(reports.at(-1), { of: null, armedMs: null, trouble: null });
});

test('it gets no food while something is overdue, and is fed again when that is over in time', () => {
  const { device, reaper, watchdog } = trial();
  watchdog.want(DEVICE);
  device.time.run(1000);
  reaper.isKilling = true;
  device.time.run(CLEAR_ALLOWANCE_MS + 800 + 1500);
  assert.ok(device.hungryMs >= 1500 && device.hungryMs < 2000 + 800, `${device.hungryMs} ms`);
  reaper.isKilling = false;
  device.time.run(401);
  assert.ok(device.hungryMs <= 401);
});

test('one that cannot be opened or is lost is reported and tried again', () => {
  const { device, watchdog, reports } = trial();
  device.failure = 'no such device';
  watchdog.want(DEVICE);
  device.time.run(500);
  assert.deepEqual(reports.at(-1), { of: DEVICE, armedMs: null, trouble: 'no such device' });
  device.failure = undefined;
  device.time.run(1100);
  assert.deepEqual(reports.at(-1), { of: DEVICE, armedMs: 2000, trouble: null });
  device.lost(new EterneError('io', 'pulled out'));
  assert.deepEqual(reports.at(-1), { of: DEVICE, armedMs: null, trouble: 'pulled out' });
  device.time.run(1100);
  assert.deepEqual(reports.at(-1), { of: DEVICE, armedMs: 2000, trouble: null });
});

test('a heart that is asked to end disarms it only while nothing runs here', () => {
  const { device, vigil, watchdog } = trial();
  watchdog.want(DEVICE);
  device.time.run(100);
  vigil.register(new Set(['db']), new Map(), device.time.bootMs());
  watchdog.end();
  assert.equal(device.armed, true);
  vigil.register(new Set(), new Map(), device.time.bootMs());
  watchdog.end();
  assert.equal(device.armed, false);
});

test('one with a long timeout, too, gets no food once a kill takes longer than it may, whenever it was fed last', () => {
  const { device, reaper, watchdog } = trial();
  const timeoutMs = 60_000;
  watchdog.want({ ...DEVICE, timeoutMs });
  device.time.run(timeoutMs + CLEAR_ALLOWANCE_MS);
  const killingMs = device.time.bootMs();
  reaper.isKilling = true;
  device.time.run(timeoutMs);
  const late = device.fedMs - (killingMs + CLEAR_ALLOWANCE_MS);
  assert.ok(late <= 200, `it was fed ${late} ms after that`);
});
