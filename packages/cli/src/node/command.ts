import { resolve } from 'node:path';
import type { Command } from 'commander';
import { become } from './become.ts';
import type { ReaddressOptions } from './readdress.ts';

const DIR_DEFAULT = '/var/lib/eterne';

/** `eterne node run|readdress` and `eterne witness run|readdress`. The cluster's other verbs of `node` and `witness` are added by `cluster/`. */
export function nodeCommand(program: Command): void {
  const node = commandNamed(program, 'node', 'run a node, or steer the nodes of a cluster');
  const witness = commandNamed(program, 'witness', 'a third voter that carries no services');
  for (const command of [node, witness]) readdressVerb(command);
  runVerb(node)
    .description('run service, monitor, heart and disk of the node in DIR, in the foreground')
    .action(({ dir }: { readonly dir: string }) => become('launcher', [resolve(dir)]));
  runVerb(witness)
    .description('run the witness in DIR, in the foreground')
    .action(({ dir }: { readonly dir: string }) => become('witness', [resolve(dir)]));
}

function runVerb(command: Command): Command {
  return command.command('run').option('--dir <dir>', 'folder of the node', DIR_DEFAULT);
}

function readdressVerb(command: Command): void {
  command
    .command('readdress')
    .description('tell the one in DIR, which is off, where it is now, when the others know that already')
    .option('--dir <dir>', 'folder of the node', DIR_DEFAULT)
    .requiredOption('--address <addresses>', 'its addresses towards other nodes, separated by commas')
    .option('--api <address>', 'where its API and console listen, host:port; else as before')
    .action(async (options: ReaddressOptions) => {
      const { readdress } = await import('./readdress.ts');
      process.stdout.write(`${await readdress({ ...options, dir: resolve(options.dir) })}\n`);
    });
}

function commandNamed(program: Command, name: string, description: string): Command {
  const present = program.commands.find((command) => command.name() === name);
  return present ?? program.command(name).description(description);
}
