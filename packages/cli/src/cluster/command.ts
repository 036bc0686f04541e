/** The verbs of a cluster: they talk to the API of any node, except for `init` and `join`, which make a node out of a folder. */
import type { Command } from 'commander';

type AddVerbs = (program: Command) => void;

/** By first word. Loaded on demand: a start must be quick, and they stand on different libraries. */
const VERBS: Readonly<Record<string, () => Promise<AddVerbs>>> = {
  status: watch,
  events: watch,
  cluster: async () => (await import('./membership-verbs.ts')).clusterVerbs,
  node: async () => {
    const { nodeVerbs } = await import('./node-verbs.ts');
    return (program) =>
      nodeVerbs(commandNamed(program, 'node', 'run a node, or steer the nodes of a cluster'));
  },
  witness: async () => {
    const { witnessJoinVerb } = await import('./membership-verbs.ts');
    return (program) =>
      witnessJoinVerb(commandNamed(program, 'witness', 'a third voter that carries no services'));
  },
  volume: async () => (await import('./volume-verbs.ts')).volumeVerbs,
  group: async () => (await import('./group-verbs.ts')).groupVerbs,
  account: async () => (await import('./account-verbs.ts')).accountVerbs,
  simulate: rehearse,
  drill: rehearse,
  config: async () => (await import('./config-verbs.ts')).configVerbs,
};

async function watch(): Promise<AddVerbs> {
  return (await import('./watch-verbs.ts')).watchVerbs;
}

async function rehearse(): Promise<AddVerbs> {
  return (await import('./rehearsal-verbs.ts')).rehearsalVerbs;
}

/** Adds what `word` needs; all verbs for one that nobody knows, so that help and errors name them. */
export async function clusterCommand(word: string | undefined): Promise<AddVerbs> {
  const known = word === undefined ? undefined : VERBS[word];
  const loaders = new Set(known ? [known] : Object.values(VERBS));
  const adders = await Promise.all([...loaders].map((load) => load()));
  return (program) => {
    // `eterne --api URL status` and `eterne status --api URL` are the same, but `cluster init --api` is another option.
    program
      .enablePositionalOptions()
      .option('--api <url>', 'API of any node, or of several with commas between (ETERNE_API)')
      .option('--token <token>', 'API token (ETERNE_TOKEN)')
      .option('--dir <dir>', 'folder of a node on this machine');
    for (const add of adders) add(program);
  };
}

/** Other modules may have added the command already. */
function commandNamed(program: Command, name: string, description: string): Command {
  return (
    program.commands.find((command) => command.name() === name) ??
    program.command(name).description(description)
  );
}
