/**
 * Is this node, which was told to end, going to be started again by its machine? Asked of systemd, whose jobs name what the machine is on its way to (systemctl(1), list-jobs;
 * systemd.special(7)), and where there is none of the runlevel (runlevel(8)).
 *
 *   a job to start reboot.target, kexec.target or soft-reboot.target      the machine is being rebooted
 *   a job to restart the unit that this process belongs to                only the node is started anew
 *   runlevel 6                                                            likewise rebooted
 *   anything else                                                         nobody knows: no
 *
 * A scheduled reboot is not looked at: whoever stops the node before its time may still call it off.
 */
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';

const ASK_TIMEOUT_MS = 1000;
const SAID_BYTES_MAX = 64 * 1024;
const OWN_GROUP = '/proc/self/cgroup';
const REBOOTS: readonly string[] = ['reboot.target', 'kexec.target', 'soft-reboot.target'];
const REBOOT_RUNLEVEL = '6';

export function comesBack(world: Pick<World, 'files' | 'processes'>, done: (yes: boolean) => void): void {
  world.files.readFile(OWN_GROUP, (content) => {
    const unit = content instanceof EterneError ? undefined : unitOf(content?.toString('utf8') ?? '');
    ask(world, ['systemctl', 'list-jobs', '--no-legend', '--plain', '--no-pager'], (jobs) => {
      if (jobs !== undefined) return done(isComingBack(jobs, unit));
      ask(world, ['runlevel'], (said) => done(said?.trim().split(' ').at(-1) === REBOOT_RUNLEVEL));
    });
  });
}

/** The systemd unit that a process belongs to, by its `/proc/PID/cgroup`: the last of its path. */
export function unitOf(groups: string): string | undefined {
  return /([^/\n]+\.service)(?:\/[^\n]*)?$/m.exec(groups)?.[1];
}

/** `jobs`: lines `JOB UNIT TYPE STATE`. */
export function isComingBack(jobs: string, unit: string | undefined): boolean {
  return jobs.split('\n').some((line) => {
    const [, of = '', type = ''] = line.trim().split(/\s+/);
    return (type === 'start' && REBOOTS.includes(of)) || (type === 'restart' && of === unit);
  });
}

/** Undefined: it could not be asked. */
function ask(
  { processes }: Pick<World, 'processes'>,
  command: readonly [string, ...string[]],
  done: (said: string | undefined) => void,
): void {
  processes.spawn({ command, timeoutMs: ASK_TIMEOUT_MS, captureBytes: SAID_BYTES_MAX }, (exit) =>
    done(exit.code === 0 ? exit.stdout : undefined),
  );
}
