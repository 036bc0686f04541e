/** The verbs of a cluster: they talk to the API of any node, except for `init` and `join`, which make a node out of a folder. */
import type { Command } from 'commander';
import { configVerbs } from './config-verbs.ts';
import { groupVerbs } from './group-verbs.ts';
import { clusterVerbs, witnessJoinVerb } from './membership-verbs.ts';
import { nodeVerbs } from './node-verbs.ts';
import { rehearsalVerbs } from './rehearsal-verbs.ts';
import { volumeVerbs } from './volume-verbs.ts';
import { watchVerbs } from './watch-verbs.ts';

export function clusterCommand(program: Command): void {
  // `eterne --api URL status` and `eterne status --api URL` are the same, but `cluster init --api` is another option.
  program
    .enablePositionalOptions()
    .option('--api <url>', 'API of any node, or of several with commas between (ETERNE_API)')
    .option('--token <token>', 'API token (ETERNE_TOKEN)')
    .option('--dir <dir>', 'folder of a node on this machine');
  watchVerbs(program);
  clusterVerbs(program);
  nodeVerbs(commandNamed(program, 'node', 'run a node, or steer the nodes of a cluster'));
  witnessJoinVerb(commandNamed(program, 'witness', 'a third voter that carries no services'));
  volumeVerbs(program);
  groupVerbs(program);
  rehearsalVerbs(program);
  configVerbs(program);
}

/** Other modules may have added the command already. */
function commandNamed(program: Command, name: string, description: string): Command {
  return (
    program.commands.find((command) => command.name() === name) ??
    program.command(name).description(description)
  );
}
