import type { Command } from 'commander';
import { runTests } from './run.ts';

export function testCommand(program: Command): void {
  program
    .command('test')
    .description('run every test of the project; what cannot run on this machine is named as skipped')
    .argument('[filter...]', 'only test files whose path contains one of these')
    .action(async (filters: string[]) => {
      process.exitCode = (await runTests(filters)) ? 0 : 1;
    });
}
