/** Starts a resource's process as its own session and as whom it was given, bound to the life of the process that calls this. */
import { EterneError } from '@eterne/base';
import type { ProcessExit, World } from '@eterne/runtime';
import type { GuardedProcess } from '../heart/guard.ts';
import type { FamilyExit, FamilyOptions } from '../monitor/spawner.ts';

/** util-linux: changes identity and asks the kernel for SIGKILL when the parent dies; the change would forget an earlier such wish. */
const SETPRIV = '/usr/bin/setpriv';
const LOOK_UP_TIMEOUT_MS = 5000;

type FamilyWorld = Pick<World, 'processes'>;
type Done = (result: GuardedProcess | EterneError) => void;

export function spawnFamily(
  world: FamilyWorld,
  options: FamilyOptions,
  done: Done,
  onExit: (exit: FamilyExit) => void,
): void {
  const { user, groups } = options;
  if (user === undefined || groups !== undefined) return launch(world, options, groups, done, onExit);
  const command = ['/usr/bin/id', '-g', '--', user] as const;
  world.processes.spawn({ command, timeoutMs: LOOK_UP_TIMEOUT_MS }, (exit) => {
    if (exit.code !== 0) return done(new EterneError('config', `there is no user ${JSON.stringify(user)}`));
    launch(world, options, [exit.stdout.trim()], done, onExit);
  });
}

function launch(
  world: FamilyWorld,
  options: FamilyOptions,
  groups: readonly string[] | undefined,
  done: Done,
  onExit: (exit: FamilyExit) => void,
): void {
  let process: GuardedProcess | undefined;
  let early: ProcessExit | undefined;
  const ended = (exit: ProcessExit): void => {
    if (process === undefined) early = exit;
    else onExit({ process, code: exit.code, signal: exit.signal });
  };
  const { env, directory, logPath } = options;
  const command = commandOf(options, groups);
  const order = { command, env, directory, logPath, detached: true };
  const { pid, startTime } = world.processes.spawn(order, ended);
  if (pid === undefined || startTime === undefined)
    return done(early?.startError ?? new EterneError('io', `cannot start ${options.command[0]}`));
  process = { pid, startTime };
  done(process);
}

function commandOf(
  options: FamilyOptions,
  groups: readonly string[] | undefined,
): readonly [string, ...string[]] {
  const [primary, ...others] = groups ?? [];
  const identity = [
    ...(options.user === undefined ? [] : ['--reuid', options.user]),
    ...(primary === undefined ? [] : ['--regid', primary]),
    ...supplementary(options.user, others),
  ];
  return [SETPRIV, '--pdeathsig', 'KILL', ...identity, '--', ...options.command];
}

function supplementary(user: string | undefined, others: readonly string[]): readonly string[] {
  if (others.length > 0) return ['--groups', others.join(',')];
  return user === undefined ? [] : ['--init-groups'];
}
