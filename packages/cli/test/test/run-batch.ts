/** For `run.test.ts`: runs one file of tests as `eterne test` does, and prints what was counted. */
import { runBatch } from '../../src/test/run.ts';
import { emptyTally } from '../../src/test/tally.ts';

const tally = emptyTally();
await runBatch([process.argv[2] ?? ''], 1, tally);
process.stdout.write(`${JSON.stringify(tally)}\n`);
