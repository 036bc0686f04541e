/** A program of a node, for `from-compiled.test.ts`: says who runs it, and whether the compiler is loaded. */
import { fromCompiled, hasCompiler } from '../../src/node/from-compiled.ts';

await fromCompiled();
const said = {
  pid: process.pid,
  hasCompiler: hasCompiler(),
  hasBegunAnew: process.env['ETERNE_BEGUN_ANEW'] !== undefined,
};
process.stdout.write(`${JSON.stringify(said)}\n`);
