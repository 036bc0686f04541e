import { EterneError } from '@eterne/base';
import type { Processes, ProcessTrees } from '@eterne/runtime';
import type { SimNode } from './node.ts';
import type { SimProcess } from './process.ts';

/** A signal takes effect within this time. */
const SIGNAL_MS = 2;

/**
 * The `Processes` port: looks at and kills the processes of its machine. What groups run is simulated by scenarios, which start it
 * themselves (through the monitor's `Spawner`); here only what a scenario has installed can be spawned (`programs.ts`).
 */
export function processesOf(process: SimProcess): Processes {
  const { node } = process;
  return {
    spawn: (options, onExit) => {
      const program = node.universe.programs.get(options.command[0]);
      if (program !== undefined) {
        const nothing = { code: null, signal: null, timedOut: false, stdout: '', stderr: '' };
        program(process, options, (exit) => onExit({ ...nothing, ...exit }));
        return { pid: undefined, startTime: undefined, kill: () => undefined };
      }
      const startError = new EterneError('unsupported', `no program ${options.command[0]} in the simulator`);
      const exit = { code: null, signal: null, timedOut: false, stdout: '', stderr: '', startError };
      process.later(0, () => onExit(exit));
      return { pid: undefined, startTime: undefined, kill: () => undefined };
    },
    alive: (pid, startTime) => processAt(node, pid)?.startTime === startTime,
    startTime: (pid) => processAt(node, pid)?.startTime,
    killGroup: (pid) => {
      const target = processAt(node, pid);
      if (target !== undefined && process.alive) signal(target);
    },
    waitedForProcessorMs: () => undefined,
  };
}

export function processTreesOf(process: SimProcess): ProcessTrees {
  return {
    killMarked: (mark) => {
      const marked = process.alive ? [...process.node.processes].filter((other) => other.mark === mark) : [];
      for (const target of marked) signal(target);
      return marked.length;
    },
  };
}

function processAt(node: SimNode, pid: number): SimProcess | undefined {
  return [...node.processes].find((process) => process.pid === pid);
}

function signal(target: SimProcess): void {
  const { universe, random } = target.node;
  universe.scheduler.after(random.between(0, SIGNAL_MS), () => target.crash());
}
