/** The eterne command: finds the sub-command, loads only what it needs, and turns errors into one line and an exit code. */
import { EterneError, exitCodeOf } from '@eterne/base';
import { Command, CommanderError } from 'commander';

type AddCommands = (program: Command) => void;

const LOAD = {
  disk: async () => (await import('./disk/command.ts')).diskCommand,
  node: async () => (await import('./node/command.ts')).nodeCommand,
  target: async () => (await import('./target/command.ts')).targetCommand,
  test: async () => (await import('./test/command.ts')).testCommand,
  demo: async () => (await import('./demo/command.ts')).demoCommand,
  pacemaker: async () => (await import('./pacemaker/command.ts')).pacemakerCommand,
  cluster: async (word) => (await import('./cluster/command.ts')).clusterCommand(word),
} satisfies Record<string, (word: string | undefined) => Promise<AddCommands>>;

/** Which modules know the first words; all others are the cluster's. Loaded on demand: a start must be quick. */
function loadersFor([name, verb]: readonly string[]): readonly ((
  word: string | undefined,
) => Promise<AddCommands>)[] {
  switch (name) {
    case undefined:
      return Object.values(LOAD);
    case 'disk':
    case 'target':
    case 'pacemaker':
    case 'test':
    case 'demo':
      return [LOAD[name]];
    case 'node':
    case 'witness':
      return verb === 'run' ? [LOAD.node] : [LOAD.node, LOAD.cluster];
    default:
      return [LOAD.cluster];
  }
}

/** The words that are no options nor an option's value, as far as it can be told without knowing the verb. */
function wordsOf(args: readonly string[]): readonly string[] {
  return args.filter((word, i) => {
    const before = args[i - 1] ?? '';
    const isValue = before === '--api' || before === '--dir' || before === '--token';
    return !word.startsWith('-') && !isValue;
  });
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const program = new Command('eterne')
    .description('High-availability clustering for ordinary servers')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const words = wordsOf(args);
  for (const load of loadersFor(words)) (await load(words[0]))(program);
  await program.parseAsync(args, { from: 'user' });
}

function report(error: unknown): void {
  if (error instanceof CommanderError) {
    // Help and version were asked for: they have been printed.
    if (error.exitCode === 0) return;
    process.exitCode = 2;
    // Help is the answer to a command that needs another word, too.
    if (error.code === 'commander.help') return;
    process.stderr.write(`eterne: ${error.message.replace(/^error: /, '')}\n`);
    return;
  }
  if (!(error instanceof EterneError)) throw error;
  process.stderr.write(`eterne: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}\n`);
  process.exitCode = exitCodeOf(error);
}

try {
  await main();
} catch (error) {
  report(error);
}
