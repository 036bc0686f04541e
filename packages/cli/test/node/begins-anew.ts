/** A program of a node, for `from-compiled.test.ts`: says who runs it, and whether the compiler is loaded. */
import { fromCompiled, hasCompiler } from '../../src/node/from-compiled.ts';

await fromCompiled();
const said: { readonly pid: number; readonly hasCompiler: boolean } = {
  pid: process.pid,
  hasCompiler: hasCompiler(),
};
process.stdout.write(`${JSON.stringify(said)}\n`);
