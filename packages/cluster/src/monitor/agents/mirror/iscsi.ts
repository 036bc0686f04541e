/**
 * `attach: iscsi`: a disk of this kernel's own iSCSI initiator on an export.
 *
 *   export ──NBD──► bridge ──iSCSI──► /dev/sdX
 *
 * The device belongs to one promotion: its bridge lets nobody in again, and a start first proves the sessions of older bridges gone. Needs root and open-iscsi.
 */
import { EterneError } from '@eterne/base';
import { bridgedDisk, bridgePrefix, endBridges } from '@eterne/disk/attach/iscsi-bridge.ts';
import { resourceLogPath } from '../../../node/layout.ts';
import type { Hands, Job } from '../agent.ts';
import { startHelper } from '../helper.ts';
import type { Disk } from './disks.ts';
import type { MirrorParams } from './params.ts';
import { untilUnused } from './until-unused.ts';

const RETRY_INTERVAL_MS = 50;
const TOOL_TIMEOUT_MS = 5000;

/** Answers the block device. */
export function attachIscsi(
  hands: Hands,
  job: Job<MirrorParams>,
  { name, socket, uri }: Disk,
  deadlineMs: number,
  done: (device: string | EterneError) => void,
): void {
  const refuse = (message: string): void => done(new EterneError('io', message));
  const { iscsiBridge, world } = hands;
  const { clock, files, processes, timers } = world;
  const prefix = bridgePrefix(socket);
  if (iscsiBridge === undefined) return refuse('iSCSI attachments are not supported here');
  endBridges(world, prefix, deadlineMs, (failure) => {
    if (failure !== '') return refuse(failure);
    startHelper(hands, job, [...iscsiBridge, uri, prefix], (bridge) => {
      if (bridge instanceof EterneError) return done(bridge);
      const look = (): void =>
        bridgedDisk(files, prefix, (path) => {
          if (path !== undefined) return done(path);
          if (clock.bootMs() < deadlineMs && processes.alive(bridge.pid, bridge.startTime))
            return timers.after(RETRY_INTERVAL_MS, look);
          const log = resourceLogPath(hands.dir, job.spec.group, job.spec.name);
          refuse(`open-iscsi makes no disk of volume ${name}: see ${log}`);
        });
      look();
    });
  });
}

/** Fails while something is mounted from the device, to the end: then the volume must not be given away. Its bridge ends afterwards. */
export function detachIscsi(
  hands: Hands,
  { name, socket }: Disk,
  deadlineMs: number,
  done: (failure: string) => void,
): void {
  const prefix = bridgePrefix(socket);
  const find = (found: (path: string | undefined) => void): void =>
    bridgedDisk(hands.world.files, prefix, found);
  untilUnused(hands, name, find, deadlineMs, (failure) => {
    if (failure === '') endBridges(hands.world, prefix, deadlineMs, done);
    else done(failure);
  });
}

/** Its bridge has been killed, or has nobody left to serve now: what hangs on the disk answers only errors. */
export function abandonIscsi(hands: Hands, { socket }: Disk, done: (failure: string) => void): void {
  const deadlineMs = hands.world.clock.bootMs() + TOOL_TIMEOUT_MS;
  endBridges(hands.world, bridgePrefix(socket), deadlineMs, done);
}
