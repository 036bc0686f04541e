/** What `eterne node run` becomes. */
import { runInForeground } from '../foreground.ts';
import { runNode } from '../run.ts';

await runInForeground(runNode);
