/** Runs a program of the node in the foreground: ends with its exit code, and with one line when it could not do its work. */
import { EterneError, exitCodeOf } from '@eterne/base';
import { nodeTimers } from '@eterne/runtime/node/clock.ts';
import { fromCompiled } from './from-compiled.ts';
import { keepCompiled } from './keep-compiled.ts';

export async function runInForeground(run: (dir: string) => Promise<void>): Promise<never> {
  await fromCompiled();
  keepCompiled(nodeTimers);
  try {
    await run(process.argv[2] ?? '');
    process.exit(0);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    process.stderr.write(`eterne: ${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}\n`);
    process.exit(exitCodeOf(error));
  }
}
