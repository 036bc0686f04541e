import { EterneError } from '@eterne/base';
import type { FamilyOptions, Spawner } from '@eterne/cluster/monitor/spawner.ts';
import type { SimProcess } from '../world/process.ts';

/** Begins the program that `options.command` names, as `process`. */
export type ProgramStarter = (process: SimProcess, options: FamilyOptions) => void;

const SPAWN_MS = [0.5, 8] as const;

/** The launcher as a monitor sees it: starts programs as processes of the machine, which outlive the monitor. */
export function spawnerFor(monitor: SimProcess, start: ProgramStarter): Spawner {
  const { node } = monitor;
  const exitListeners: Parameters<Spawner['onExit']>[0][] = [];
  return {
    spawn: (options, done) => {
      node.universe.scheduler.after(node.random.between(...SPAWN_MS), () => {
        if (!monitor.alive) return;
        const [program] = options.command;
        const process = node.start(program);
        process.mark = markOf(options.env);
        const identity = { pid: process.pid, startTime: process.startTime };
        process.onDeath(() =>
          monitor.later(node.random.between(...SPAWN_MS), () => {
            for (const listener of exitListeners)
              listener({ process: identity, code: null, signal: 'SIGKILL' });
          }),
        );
        process.later(0, () => start(process, options));
        monitor.later(node.random.between(...SPAWN_MS), () => done(identity));
      });
      if (!node.poweredOn) done(new EterneError('io', 'no power'));
    },
    onExit: (listener) => exitListeners.push(listener),
  };
}

/** The mark is the one variable that the agent adds; its name begins like this. */
function markOf(env: FamilyOptions['env']): string {
  const [name, value] = Object.entries(env).find(([key]) => key.startsWith('ETERNE_RESOURCE')) ?? ['', ''];
  return `${name}=${value}`;
}
