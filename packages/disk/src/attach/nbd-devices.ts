/**
 * This kernel's NBD devices, as /sys shows them (Linux drivers/block/nbd.c): `/sys/block/nbdN/pid` is there from the moment a client sets a device up until nobody has it open any more, and
 * names that client; `size` is not zero once it is connected.
 *
 * Our clients stay in the foreground inside the kernel's ioctl (`-nonetlink -nofork`): a device lives as long as the process that made it, and its command line tells whose it is.
 * The kernel refuses a second client on a device that somebody still holds open, so nothing can bring a dead device back.
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { mapInOrder } from './map-in-order.ts';
import { readText } from './read-text.ts';

const BLOCK_FOLDER = '/sys/block';
const SECTOR_BYTES = 512;

export interface NbdDevice {
  /** `/dev/nbdN`. */
  readonly path: string;
  /** Undefined: free. Its process may have gone, when somebody still has the device open. */
  readonly clientPid: number | undefined;
}

export type Command = readonly [string, ...string[]];

/** Ends when the connection does; never connects again. */
export function nbdClientCommand(device: string, socketPath: string, volume: string): Command {
  const options = ['-nonetlink', '-nofork', '-name', volume];
  return ['nbd-client', ...options, '-unix', socketPath, device];
}

/** The kernel gives back what the client holds, and the client ends. */
export const nbdDetachCommand = (device: string): Command => ['nbd-client', '-nonetlink', '-d', device];

/** Without the kernel's module there are none. */
export function listNbdDevices(files: Files, done: (devices: readonly NbdDevice[]) => void): void {
  files.list(BLOCK_FOLDER, (names) => {
    if (names instanceof EterneError) return done([]);
    const numbers = names.flatMap((name) => /^nbd(\d+)$/.exec(name)?.[1] ?? []).map(Number);
    const sorted = numbers.sort((a, b) => a - b).map((number) => `nbd${number}`);
    mapInOrder(
      sorted,
      (name, next: (device: NbdDevice) => void) =>
        readText(files, `${BLOCK_FOLDER}/${name}/pid`, (text) =>
          next({ path: `/dev/${name}`, clientPid: text === undefined ? undefined : Number(text) }),
        ),
      done,
    );
  });
}

/** Those whose client is alive and speaks to `socketPath`. */
export function nbdDevicesOn(
  files: Files,
  socketPath: string,
  done: (devices: readonly NbdDevice[]) => void,
): void {
  listNbdDevices(files, (devices) =>
    mapInOrder(
      devices,
      ({ clientPid }, next: (isOurs: boolean) => void) => {
        if (clientPid === undefined) return next(false);
        readText(files, `/proc/${clientPid}/cmdline`, (text = '') =>
          next(text.split('\0').includes(socketPath)),
        );
      },
      (areOurs) => done(devices.filter((_device, index) => areOurs[index])),
    ),
  );
}

/** Has the client with this pid connected `path`? */
export function isNbdConnected(
  files: Files,
  path: string,
  clientPid: number,
  done: (isConnected: boolean) => void,
): void {
  const folder = `${BLOCK_FOLDER}/${path.slice('/dev/'.length)}`;
  readText(files, `${folder}/pid`, (pid) => {
    if (Number(pid) !== clientPid) return done(false);
    readText(files, `${folder}/size`, (sectors) => done(Number(sectors) * SECTOR_BYTES > 0));
  });
}
