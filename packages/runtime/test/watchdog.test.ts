import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { DeviceWatchdog } from '../src/node/watchdog.ts';

/** Takes no bytes. */
const DEVICE = '/dev/full';

test('a device that cannot be fed is let go, so that it can be opened again, and is lost once', () => {
  const fd = openSync(DEVICE, 'w');
  const watchdog = new DeviceWatchdog(DEVICE, fd, 1000);
  const lost: string[] = [];
  watchdog.onLost(({ message }) => lost.push(message));
  watchdog.feed();
  assert.equal(lost.length, 1);
  assert.throws(() => fstatSync(fd), /EBADF/);
  watchdog.feed();
  watchdog.disarm();
  assert.equal(lost.length, 1);
});
