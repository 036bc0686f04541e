/** Entry point of a question's process: `DIR TOOL [ARGUMENT …]` (`shims/ask`). */
import { nodeClock, nodeTimers } from '@eterne/runtime/node/clock.ts';
import { nodeNetwork } from '@eterne/runtime/node/network.ts';
import { ask } from './ask.ts';

const [dir = '', tool = '', ...args] = process.argv.slice(2);
const asker = {
  instance: process.env['OCF_RESOURCE_INSTANCE'] ?? '',
  node: process.env['ETERNE_OCF_NODE'] ?? '',
};
const world = { clock: nodeClock, timers: nodeTimers, network: nodeNetwork };
ask(world, { dir, tool, args, asker }, ({ code, stdout, stderr }) => {
  process.exitCode = code;
  process.stderr.write(stderr);
  process.stdout.write(stdout);
});
