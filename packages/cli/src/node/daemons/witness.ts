/** What `eterne witness run` becomes. */
import { runInForeground } from '../foreground.ts';
import { runWitness } from '../witness.ts';

await runInForeground(runWitness);
