/**
 * `attach: fuse`: a block device of this kernel on an export, for machines whose kernel has no NBD client.
 *
 *   export ──NBD──► nbdfuse ──FUSE──► DIR/run/V.attached/disk ──► /dev/loopN
 *
 * The device belongs to one promotion: nbdfuse does not connect again when the export ends it, so that nothing of an older term can be
 * written into a newer one. Needs root, nbdfuse (libnbd-bin) and losetup.
 */
import { EterneError } from '@eterne/base';
import { join } from 'node:path';
import { resourceLogPath, runFolder } from '../../../node/layout.ts';
import type { GuardedProcess } from '../../../heart/guard.ts';
import type { Hands, Job } from '../agent.ts';
import { runCommand } from '../command.ts';
import { startHelper } from '../helper.ts';
import { unmount } from '../mounts.ts';
import type { Disk } from './disks.ts';
import type { MirrorParams } from './params.ts';

const RETRY_INTERVAL_MS = 50;
const TOOL_TIMEOUT_MS = 5000;

const mountPoint = (hands: Hands, name: string): string => join(runFolder(hands.dir), `${name}.attached`);
const filePath = (hands: Hands, name: string): string => join(mountPoint(hands, name), 'disk');

/** Answers the block device. */
export function attachFuse(
  hands: Hands,
  job: Job<MirrorParams>,
  { name, uri }: Disk,
  deadlineMs: number,
  done: (device: string | EterneError) => void,
): void {
  detachLeftovers(hands, name, () =>
    hands.world.files.makeFolder(mountPoint(hands, name), (error) => {
      if (error) return done(error);
      startHelper(hands, job, ['nbdfuse', filePath(hands, name), uri], (helper) => {
        if (helper instanceof EterneError) return done(helper);
        attachLoop(hands, job, name, helper, deadlineMs, done);
      });
    }),
  );
}

/** Fails when something still uses the device to the end: then the volume must not be given away. nbdfuse ends afterwards. */
export function detachFuse(
  hands: Hands,
  { name }: Disk,
  deadlineMs: number,
  done: (failure: string) => void,
): void {
  const { clock, timers } = hands.world;
  const attempt = (failure: string): void =>
    readLoops(hands, filePath(hands, name), (devices) => {
      if (devices instanceof EterneError) return done(devices.message);
      if (devices.length === 0)
        return unmount(hands, mountPoint(hands, name), deadlineMs - clock.bootMs(), ({ ok, reason }) =>
          done(ok ? '' : reason),
        );
      if (clock.bootMs() >= deadlineMs)
        return done(`${devices.join(', ')} of volume ${name} is still in use: ${failure}`);
      detachAll(hands, devices, (next) => timers.after(RETRY_INTERVAL_MS, () => attempt(next)));
    });
  attempt('');
}

/** nbdfuse has been killed: what hangs on it answers only errors. Taken away as far as it goes. */
export function abandonFuse(hands: Hands, { name }: Disk, done: (failure: string) => void): void {
  detachLeftovers(hands, name, () => done(''));
}

/** The file appears when nbdfuse has connected; until then losetup is told again. */
function attachLoop(
  hands: Hands,
  { spec }: Pick<Job<MirrorParams>, 'spec'>,
  name: string,
  { pid, startTime }: GuardedProcess,
  deadlineMs: number,
  done: (result: string | EterneError) => void,
): void {
  const { clock, processes, timers } = hands.world;
  const file = filePath(hands, name);
  const attempt = (): void =>
    runCommand(hands, ['losetup', '--find', '--show', file], TOOL_TIMEOUT_MS, ({ stdout, failure }) => {
      if (failure === '') return done(stdout.trim());
      if (clock.bootMs() >= deadlineMs || !processes.alive(pid, startTime))
        return done(
          new EterneError('io', `cannot attach volume ${name}: ${failure}`, {
            hint: `see ${resourceLogPath(hands.dir, spec.group, spec.name)}`,
          }),
        );
      timers.after(RETRY_INTERVAL_MS, attempt);
    });
  attempt();
}

function detachLeftovers(hands: Hands, name: string, done: () => void): void {
  readLoops(hands, filePath(hands, name), (devices) =>
    detachAll(hands, devices instanceof EterneError ? [] : devices, () =>
      runCommand(hands, ['umount', '--lazy', mountPoint(hands, name)], TOOL_TIMEOUT_MS, () => done()),
    ),
  );
}

/** `done` hears why not, if so. */
function detachAll(hands: Hands, devices: readonly string[], done: (failure: string) => void): void {
  if (devices.length === 0) return done('');
  runCommand(hands, ['losetup', '--detach', ...devices], TOOL_TIMEOUT_MS, ({ failure }) => done(failure));
}

/** Loop devices on `file`; by name, because a file behind a dead FUSE mount cannot be asked. */
function readLoops(
  hands: Hands,
  file: string,
  done: (devices: readonly string[] | EterneError) => void,
): void {
  const command = ['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE'] as const;
  runCommand(hands, command, TOOL_TIMEOUT_MS, ({ stdout, failure }) => {
    if (failure !== '') return done(new EterneError('io', failure));
    const rows = stdout.split('\n').map((line) => /^(\S+)\s+(.*\S)\s*$/.exec(line) ?? []);
    done(rows.filter(([, , backing]) => backing === file).map(([, name = '']) => name));
  });
}
