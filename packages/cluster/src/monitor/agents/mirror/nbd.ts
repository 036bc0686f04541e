/**
 * `attach: nbd`: a block device of this kernel's own NBD client on an export.
 *
 *   export ──NBD──► nbd-client, inside the kernel ──► /dev/nbdN
 *
 * The device belongs to one promotion: its client does not connect again when the export ends it, and a start first proves older clients of the export gone. Needs root, nbd-client and the
 * kernel's module.
 */
import { EterneError } from '@eterne/base';
import {
  isNbdConnected,
  listNbdDevices,
  nbdClientCommand,
  nbdDetachCommand,
  nbdDevicesOn,
} from '@eterne/disk/attach/nbd-devices.ts';
import { resourceLogPath } from '../../../node/layout.ts';
import type { GuardedProcess } from '../../../heart/guard.ts';
import type { Hands, Job } from '../agent.ts';
import { runCommand } from '../command.ts';
import { startHelper } from '../helper.ts';
import type { Disk } from './disks.ts';
import type { MirrorParams } from './params.ts';
import { untilUnused } from './until-unused.ts';

const RETRY_INTERVAL_MS = 50;
const TOOL_TIMEOUT_MS = 5000;

/** Answers the block device. */
export function attachNbd(
  hands: Hands,
  job: Job<MirrorParams>,
  { name, socket }: Disk,
  deadlineMs: number,
  done: (device: string | EterneError) => void,
): void {
  const refuse = (message: string): void => done(new EterneError('io', message));
  detachClients(hands, socket, deadlineMs, (failure) => {
    if (failure !== '') return refuse(failure);
    listNbdDevices(hands.world.files, (devices) => {
      const free = devices.find(({ clientPid }) => clientPid === undefined);
      if (free === undefined) return refuse('the kernel has no free NBD device; is its module loaded?');
      startHelper(hands, job, nbdClientCommand(free.path, socket, name), (client) => {
        if (client instanceof EterneError) return done(client);
        awaitConnection(hands, free.path, client, deadlineMs, (isConnected) => {
          if (isConnected) return done(free.path);
          const log = resourceLogPath(hands.dir, job.spec.group, job.spec.name);
          refuse(`nbd-client does not attach volume ${name} to ${free.path}: see ${log}`);
        });
      });
    });
  });
}

/** Fails while something is mounted from the device, to the end: then the volume must not be given away. Its client ends afterwards. */
export function detachNbd(
  hands: Hands,
  { name, socket }: Disk,
  deadlineMs: number,
  done: (failure: string) => void,
): void {
  const find = (found: (path: string | undefined) => void): void =>
    nbdDevicesOn(hands.world.files, socket, ([device]) => found(device?.path));
  untilUnused(hands, name, find, deadlineMs, (failure) => {
    if (failure === '') detachClients(hands, socket, deadlineMs, done);
    else done(failure);
  });
}

/** Its client has been killed, or is now: what hangs on it answers only errors. */
export function abandonNbd(hands: Hands, { socket }: Disk, done: (failure: string) => void): void {
  detachClients(hands, socket, hands.world.clock.bootMs() + TOOL_TIMEOUT_MS, done);
}

/** Until no client of the export is left. */
function detachClients(
  hands: Hands,
  socket: string,
  deadlineMs: number,
  done: (failure: string) => void,
): void {
  const { clock, files, timers } = hands.world;
  nbdDevicesOn(files, socket, ([device]) => {
    if (device === undefined) return done('');
    if (clock.bootMs() >= deadlineMs) return done(`${device.path} is still attached to ${socket}`);
    runCommand(hands, nbdDetachCommand(device.path), TOOL_TIMEOUT_MS, () =>
      timers.after(RETRY_INTERVAL_MS, () => detachClients(hands, socket, deadlineMs, done)),
    );
  });
}

function awaitConnection(
  hands: Hands,
  path: string,
  client: GuardedProcess,
  deadlineMs: number,
  done: (isConnected: boolean) => void,
): void {
  const { clock, files, processes, timers } = hands.world;
  isNbdConnected(files, path, client.pid, (isConnected) => {
    if (isConnected) return done(true);
    if (clock.bootMs() >= deadlineMs || !processes.alive(client.pid, client.startTime)) return done(false);
    timers.after(RETRY_INTERVAL_MS, () => awaitConnection(hands, path, client, deadlineMs, done));
  });
}
