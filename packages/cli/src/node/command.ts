import { resolve } from 'node:path';
import type { Command } from 'commander';
import { runNode } from './run.ts';

const DIR_DEFAULT = '/var/lib/eterne';

/** `eterne node run`. The cluster's verbs of `eterne node` (list, standby …) are added by `cluster/`. */
export function nodeCommand(program: Command): void {
  const node =
    program.commands.find((command) => command.name() === 'node') ??
    program.command('node').description('run a node, or steer the nodes of a cluster');
  node
    .command('run')
    .description('run service, monitor, heart and disk of the node in DIR, in the foreground')
    .option('--dir <dir>', 'folder of the node', DIR_DEFAULT)
    .action(async (options: { readonly dir: string }) => {
      await runNode(resolve(options.dir));
      process.exit();
    });
}
