import { EterneError } from '@eterne/base';
import { SYSTEM_PATH } from '@eterne/runtime';
import type { GuardedProcess } from '../../heart/guard.ts';
import { resourceLogPath } from '../../node/layout.ts';
import type { Hands, Job } from './agent.ts';
import type { Command } from './command.ts';

/** The variable that shows whose a process is. */
export function markOf({ mark }: Pick<Job<unknown>, 'mark'>): Record<string, string> {
  const at = mark.indexOf('=');
  return { [mark.slice(0, at)]: mark.slice(at + 1) };
}

/** Starts a program that a resource needs as long as it runs; what it says goes into the resource's log. */
export function startHelper<Params>(
  hands: Hands,
  job: Job<Params>,
  command: Command,
  done: (helper: GuardedProcess | EterneError) => void,
): void {
  const order = {
    command,
    env: { PATH: SYSTEM_PATH, ...markOf(job) },
    directory: '/',
    logPath: resourceLogPath(hands.dir, job.spec.group, job.spec.name),
  };
  hands.spawner.spawn(order, (started) => {
    if (started instanceof EterneError) return done(started);
    job.keep([started], () => done(started));
  });
}
