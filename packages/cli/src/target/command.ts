/** `eterne target …`: the iSCSI target alone (shared/INTERFACE "The target alone"). */
import type { Command } from 'commander';

export function targetCommand(program: Command): void {
  const target = program
    .command('target')
    .description('an iSCSI target for files and block devices, without a mirror');
  target
    .command('run')
    .description('run the target in the foreground; SIGTERM ends it cleanly')
    .requiredOption('--config <file>', 'YAML configuration')
    .action(async ({ config }: { config: string }) => (await import('./run.ts')).runTarget(config));
  target
    .command('status')
    .description('show LUNs, reservations and sessions')
    .requiredOption('--control <socket>', 'control socket of the target process')
    .option('--json', 'machine-readable output')
    .action(async (options: { control: string; json?: true }) =>
      (await import('./status.ts')).showStatus(options),
    );
}
