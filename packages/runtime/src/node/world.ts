import type { World } from '../ports.ts';
import { nodeClock, nodeTimers } from './clock.ts';
import { nodeFiles } from './files.ts';
import { nodeNetwork } from './network.ts';
import { nodeProcesses } from './processes.ts';
import { nodeRandom } from './random.ts';
import { nodeStores } from './stores.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** The real world. `component` stands in every log line (stderr, one JSON object a line); `ETERNE_LOG` sets the least level. */
export function createNodeWorld(component: string): World {
  const least = LEVELS.indexOf((process.env['ETERNE_LOG'] as LogLevel | undefined) ?? 'info');
  return {
    clock: nodeClock,
    timers: nodeTimers,
    random: nodeRandom,
    network: nodeNetwork,
    stores: nodeStores,
    files: nodeFiles,
    processes: nodeProcesses,
    log(level, message, fields) {
      if (LEVELS.indexOf(level) < least) return;
      process.stderr.write(
        `${JSON.stringify({ at: new Date().toISOString(), level, component, message, ...fields })}\n`,
      );
    },
  };
}
