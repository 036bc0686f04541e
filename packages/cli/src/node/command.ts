import { resolve } from 'node:path';
import type { Command } from 'commander';
import { become } from './become.ts';

const DIR_DEFAULT = '/var/lib/eterne';

/** `eterne node run` and `eterne witness run`. The cluster's other verbs of `node` and `witness` are added by `cluster/`. */
export function nodeCommand(program: Command): void {
  runVerb(commandNamed(program, 'node', 'run a node, or steer the nodes of a cluster'))
    .description('run service, monitor, heart and disk of the node in DIR, in the foreground')
    .action(({ dir }: { readonly dir: string }) => become('launcher', [resolve(dir)]));
  runVerb(commandNamed(program, 'witness', 'a third voter that carries no services'))
    .description('run the witness in DIR, in the foreground')
    .action(({ dir }: { readonly dir: string }) => become('witness', [resolve(dir)]));
}

function runVerb(command: Command): Command {
  return command.command('run').option('--dir <dir>', 'folder of the node', DIR_DEFAULT);
}

function commandNamed(program: Command, name: string, description: string): Command {
  const present = program.commands.find((command) => command.name() === name);
  return present ?? program.command(name).description(description);
}
