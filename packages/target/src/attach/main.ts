/** Entry point of a bridge's process: `URI PREFIX` (`disk/attach/iscsi-bridge.ts`). It stays as long as the export does, or until SIGTERM. */
import { EterneError } from '@eterne/base';
import { forgetBridges } from '@eterne/disk/attach/iscsi-bridge.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { attachTarget } from './open-iscsi.ts';
import { Bridge } from './bridge.ts';

const [uri = '', prefix = ''] = process.argv.slice(2);
const world = createNodeWorld('bridge');
const name = `${prefix}${world.random.uuid()}`;
const uid = process.getuid?.() ?? 0;

function end(reason: string): never {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

Bridge.open(world, { uri, name, uid, onOver: () => end(`${uri} has ended`) }, (bridge) => {
  if (bridge instanceof EterneError) return end(bridge.message);
  process.once('SIGTERM', () => bridge.close(() => process.exit(0)));
  forgetBridges(world, prefix, () =>
    attachTarget(world, name, bridge.address, (error) => {
      if (error !== undefined) end(error.message);
    }),
  );
});
