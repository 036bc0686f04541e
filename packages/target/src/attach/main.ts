/** Entry point of a bridge's process: `URI PREFIX` (`disk/attach/iscsi-bridge.ts`). It stays as long as the export does, and then fails, or until SIGTERM. */
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { BridgeLife } from './bridge-life.ts';
import { attachTarget } from './open-iscsi.ts';

const [uri = '', prefix = ''] = process.argv.slice(2);

function ended(failure: string | undefined): never {
  if (failure === undefined) process.exit(0);
  process.stderr.write(`${failure}\n`);
  process.exit(1);
}

const uid = process.getuid?.() ?? 0;
// Before anybody can know that it runs.
process.once('SIGTERM', () => life.end());
const life = new BridgeLife(createNodeWorld('bridge'), { uri, prefix, uid, attach: attachTarget, ended });
