/** For `run.test.ts`: runs one file of tests as `eterne test` does, and prints what was counted. */
import { runBatch } from '../../src/test/run.ts';

const tally = { passed: 0, failed: 0, skipped: 0 };
await runBatch([process.argv[2] ?? ''], 1, tally);
process.stdout.write(`${JSON.stringify(tally)}\n`);
