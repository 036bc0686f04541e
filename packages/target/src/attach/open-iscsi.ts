/** What this machine's open-iscsi is told for a bridge, by its own tool. */
import { EterneError } from '@eterne/base';
import { COMMAND_TIMEOUT_S, diskOfTarget, timeoutPath } from '@eterne/disk/attach/iscsi-bridge.ts';
import { SYSTEM_PATH, type Address, type World } from '@eterne/runtime';

const TOOL_TIMEOUT_MS = 60_000;
const DISK_RETRY_MS = 50;
const DISK_TIMEOUT_MS = 20_000;

/**
 * A session that nobody but us begins, and that is over when its connection is: there is nothing to come back to. The bridge is another process of this machine, and pings would only be one
 * more way to lose it while the machine is busy.
 */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['node.startup', 'manual'],
  ['node.session.initial_login_retry_max', '1'],
  ['node.session.timeo.replacement_timeout', '0'],
  ['node.conn[0].timeo.noop_out_interval', '0'],
  ['node.conn[0].timeo.noop_out_timeout', '0'],
];

type Hands = Pick<World, 'files' | 'processes' | 'clock' | 'timers'>;
type Done = (error: EterneError | undefined) => void;

/** `done` when the kernel has the target's disk, and gives its commands all the time they need. */
export function attachTarget(hands: Hands, name: string, portal: Address, done: Done): void {
  const settings = SETTINGS.flatMap(([key, value]) => ['-n', key, '-v', value]);
  nodeVerbs(
    hands,
    ['-T', name, '-p', portal],
    [['-o', 'new'], ['-o', 'update', ...settings], ['--login']],
    (error) => {
      if (error !== undefined) return done(error);
      makePatient(hands, name, hands.clock.bootMs() + DISK_TIMEOUT_MS, done);
    },
  );
}

/** One after the other, up to the first that fails. */
function nodeVerbs(
  hands: Hands,
  node: readonly string[],
  [verb, ...others]: readonly (readonly string[])[],
  done: Done,
): void {
  if (verb === undefined) return done(undefined);
  tell(hands, ['iscsiadm', '-m', 'node', ...node, ...verb], '', (error) => {
    if (error === undefined) nodeVerbs(hands, node, others, done);
    else done(error);
  });
}

function tell(
  { processes }: Hands,
  command: readonly [string, ...string[]],
  stdin: string,
  done: Done,
): void {
  processes.spawn(
    { command, stdin, env: { PATH: SYSTEM_PATH }, timeoutMs: TOOL_TIMEOUT_MS },
    ({ code, startError, stderr }) => {
      if (code === 0) return done(undefined);
      done(startError ?? new EterneError('io', `${command.join(' ')}: ${stderr.trim()}`));
    },
  );
}

function makePatient(hands: Hands, name: string, deadlineMs: number, done: Done): void {
  const { clock, files, timers } = hands;
  diskOfTarget(files, name, (path) => {
    if (path !== undefined) return tell(hands, ['tee', timeoutPath(path)], String(COMMAND_TIMEOUT_S), done);
    if (clock.bootMs() >= deadlineMs)
      return done(new EterneError('timeout', `the kernel makes no disk of ${name}`));
    timers.after(DISK_RETRY_MS, () => makePatient(hands, name, deadlineMs, done));
  });
}
