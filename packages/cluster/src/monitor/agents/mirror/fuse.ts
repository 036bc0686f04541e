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
import { failed, succeeded, type Hands, type Job, type Started } from '../agent.ts';
import { runCommand } from '../command.ts';
import { stopFamily } from '../family.ts';
import { startHelper } from '../helper.ts';
import { unmount } from '../mounts.ts';
import type { MirrorParams } from './params.ts';

const RETRY_INTERVAL_MS = 50;
const TOOL_TIMEOUT_MS = 5000;
const END_TIMEOUT_MS = 500;

const mountPoint = (hands: Hands, volume: string): string => join(runFolder(hands.dir), `${volume}.attached`);
const filePath = (hands: Hands, volume: string): string => join(mountPoint(hands, volume), 'disk');

/** `uri` is the export's. Outputs `device` in addition to `outputs`. */
export function attachFuse(
  hands: Hands,
  job: Job<MirrorParams>,
  uri: string,
  outputs: Readonly<Record<string, string>>,
  timeoutMs: number,
  done: Started,
): void {
  const { volume } = job.params;
  const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
  detachLeftovers(hands, volume, () =>
    hands.world.files.makeFolder(mountPoint(hands, volume), (error) => {
      if (error) return done(failed(error.message));
      startHelper(hands, job, ['nbdfuse', filePath(hands, volume), uri], (helper) => {
        if (helper instanceof EterneError) return done(failed(helper.message));
        attachLoop(hands, { ...job, processes: [helper] }, deadlineMs, (result) =>
          done(
            typeof result === 'string' ? succeeded({ ...outputs, device: result }) : failed(result.message),
          ),
        );
      });
    }),
  );
}

/** Fails when something still uses the device to the end: then the volume must not be given away. */
export function detachFuse(hands: Hands, job: Job<MirrorParams>, timeoutMs: number, done: Started): void {
  const { volume } = job.params;
  const { clock, timers } = hands.world;
  const deadlineMs = clock.bootMs() + timeoutMs;
  const attempt = (failure: string): void =>
    readLoops(hands, filePath(hands, volume), (devices) => {
      if (devices instanceof EterneError) return done(failed(devices.message));
      if (devices.length === 0) return endNbdfuse(hands, job, deadlineMs - clock.bootMs(), done);
      if (clock.bootMs() >= deadlineMs)
        return done(failed(`${devices.join(', ')} of volume ${volume} is still in use: ${failure}`));
      detachAll(hands, devices, (next) => timers.after(RETRY_INTERVAL_MS, () => attempt(next)));
    });
  attempt('');
}

/** Unmounted first: nbdfuse then ends by itself. */
function endNbdfuse(hands: Hands, job: Job<MirrorParams>, timeoutMs: number, done: Started): void {
  unmount(hands, mountPoint(hands, job.params.volume), timeoutMs, (result) => {
    if (!result.ok) return done(result);
    stopFamily(hands, job, Math.max(timeoutMs, END_TIMEOUT_MS), done);
  });
}

/** nbdfuse has been killed: what hangs on it answers only errors. Taken away as far as it goes. */
export function abandonFuse(hands: Hands, volume: string, done: () => void): void {
  detachLeftovers(hands, volume, done);
}

export function isAttached(hands: Hands, job: Job<MirrorParams>): boolean {
  return job.processes.some(({ pid, startTime }) => hands.world.processes.alive(pid, startTime));
}

/** The file appears when nbdfuse has connected; until then losetup is told again. */
function attachLoop(
  hands: Hands,
  job: Job<MirrorParams>,
  deadlineMs: number,
  done: (result: string | EterneError) => void,
): void {
  const { clock, timers } = hands.world;
  const file = filePath(hands, job.params.volume);
  const attempt = (): void =>
    runCommand(hands, ['losetup', '--find', '--show', file], TOOL_TIMEOUT_MS, ({ stdout, failure }) => {
      if (failure === '') return done(stdout.trim());
      if (clock.bootMs() >= deadlineMs || !isAttached(hands, job))
        return done(
          new EterneError('io', `cannot attach volume ${job.params.volume}: ${failure}`, {
            hint: `see ${resourceLogPath(hands.dir, job.spec.group, job.spec.name)}`,
          }),
        );
      timers.after(RETRY_INTERVAL_MS, attempt);
    });
  attempt();
}

function detachLeftovers(hands: Hands, volume: string, done: () => void): void {
  readLoops(hands, filePath(hands, volume), (devices) =>
    detachAll(hands, devices instanceof EterneError ? [] : devices, () =>
      runCommand(hands, ['umount', '--lazy', mountPoint(hands, volume)], TOOL_TIMEOUT_MS, () => done()),
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
