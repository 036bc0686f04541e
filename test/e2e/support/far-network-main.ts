/**
 * `far-network-main.ts DELAY_MS LOSS_PERCENT TAP…`: one network behind all of these interfaces. A frame that leaves one arrives at the others so much later,
 * or never; which is lost is drawn from a fixed seed. Needs root and /dev/net/tun; the interfaces may be moved into other network namespaces.
 */
import { openSync, read, write } from 'node:fs';
import { constants, setPriority } from 'node:os';
import koffi from 'koffi';

/** linux/if_tun.h */
const TUNSETIFF = 0x40_04_54_ca;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const FRAME_BYTES_MAX = 2048;

const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, void *argument)');
const [delayMs = 0, lossPercent = 0] = process.argv.slice(2, 4).map(Number);

function openTap(name: string): number {
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(40);
  request.write(name);
  request.writeUInt16LE(IFF_TAP | IFF_NO_PI, 16);
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`${name} cannot be made`);
  return fd;
}

let seed = 1;

/** A linear congruential generator (Numerical Recipes). */
function isLost(): boolean {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return (seed / 2 ** 32) * 100 < lossPercent;
}

// However busy the machine is, a line is as long as it is.
setPriority(constants.priority.PRIORITY_HIGHEST);
const taps = process.argv.slice(4).map(openTap);

function carry(from: number): void {
  const frame = Buffer.alloc(FRAME_BYTES_MAX);
  read(from, frame, 0, frame.length, null, (error, length) => {
    if (error === null)
      for (const to of taps)
        // An interface that is down takes nothing, as a host that is off.
        if (to !== from && !isLost()) setTimeout(() => write(to, frame, 0, length, () => {}), delayMs);
    carry(from);
  });
}

for (const tap of taps) carry(tap);
