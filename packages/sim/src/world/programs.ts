/** Programs that processes of the simulator may spawn, by their path. Anything else is not installed. */
import type { ProcessExit, SpawnOptions } from '@eterne/runtime';
import type { SimProcess } from './process.ts';

export type SimProgram = (
  spawner: SimProcess,
  options: SpawnOptions,
  onExit: (exit: Partial<ProcessExit>) => void,
) => void;
