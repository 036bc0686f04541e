/**
 * Runs in the guest: a store as a volume that is attached to the guest's kernel, and told by lines on stdin what becomes of it: `term` ends the term and begins another, `end` ends it all.
 * Prints `attached PATH` or `detached` whenever that changes. Arguments: STORE FOLDER WAY.
 */
import { createInterface } from 'node:readline';
import { EterneError } from '@eterne/base';
import { ISCSI_BRIDGE } from '@eterne/cli/disk/iscsi-bridge.ts';
import { ATTACH_CHOICES } from '@eterne/disk/attach/choose.ts';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { AttachedDevice } from '@eterne/disk/process/attach/attached-device.ts';
import type { BlockStore } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { plainDevice } from '../../../../packages/disk/test/support/plain-device.ts';

const [path = '', folder = '', way = ''] = process.argv.slice(2);
const as = ATTACH_CHOICES.find((choice) => choice === way) ?? 'auto';
const world = createNodeWorld('attach');
const SIZE_BYTES = 32 << 20;

const store = await result<BlockStore>((done) =>
  world.stores.open(path, { createSizeBytes: SIZE_BYTES }, done),
);
const device = await result<AttachedDevice>((done) =>
  AttachedDevice.listen(
    world,
    { name: 'v0', node: 'a' },
    { kind: 'attach', as, folder },
    ISCSI_BRIDGE,
    tell,
    done,
  ),
);
const serve = (): void => device.serve(new ByteDevice(plainDevice('v0', store)));
serve();
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'term') {
    device.withdraw();
    serve();
  } else {
    device.close();
    store.close(() => process.exit(0));
  }
});

function tell(): void {
  process.stdout.write(device.path === undefined ? 'detached\n' : `attached ${device.path}\n`);
}

function result<Value>(start: (done: (value: Value | EterneError) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) =>
    start((value) => (value instanceof EterneError ? reject(value) : resolve(value))),
  );
}
