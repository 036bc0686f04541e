/** Starts a resource's process as its own session and as whom it was given, bound to the life of the process that calls this. */
import { EterneError } from '@eterne/base';
import type { ProcessExit, World } from '@eterne/runtime';
import type { GuardedProcess } from '../heart/guard.ts';
import type { FamilyExit, FamilyOptions } from '../monitor/spawner.ts';
import { identityPrefix } from './identity-prefix.ts';

type FamilyWorld = Pick<World, 'processes'>;
type Done = (result: GuardedProcess | EterneError) => void;

/** `refusal`: why it is not to be started, asked at the last moment. */
export function spawnFamily(
  world: FamilyWorld,
  options: FamilyOptions,
  refusal: () => EterneError | undefined,
  done: Done,
  onExit: (exit: FamilyExit) => void,
): void {
  identityPrefix(world, options, ['--pdeathsig', 'KILL'], (prefix) => {
    if (prefix instanceof EterneError) return done(prefix);
    const refused = refusal();
    if (refused) return done(refused);
    launch(world, options, prefix, done, onExit);
  });
}

function launch(
  world: FamilyWorld,
  options: FamilyOptions,
  prefix: readonly string[],
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
  const [program = options.command[0], ...words] = [...prefix, ...options.command];
  const command = [program, ...words] as const;
  const order = { command, env, directory, logPath, detached: true };
  const { pid, startTime } = world.processes.spawn(order, ended);
  if (pid === undefined || startTime === undefined)
    return done(early?.startError ?? new EterneError('io', `cannot start ${options.command[0]}`));
  process = { pid, startTime };
  done(process);
}
