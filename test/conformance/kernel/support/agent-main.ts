/** Runs in the guest: the cluster's `mirror` agent with `attach: WAY`, its argument, from start to stop and after a lapsed lease. Prints `well` when all was as it should be. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EterneError } from '@eterne/base';
import { mirrorAgent } from '@eterne/cluster/monitor/agents/mirror/agent.ts';
import { volumeSocketPath } from '@eterne/cluster/node/layout.ts';
import { ISCSI_BRIDGE } from '@eterne/cli/disk/iscsi-bridge.ts';
import { bridgePrefix, diskOfTarget } from '@eterne/disk/attach/iscsi-bridge.ts';
import { nbdDevicesOn } from '@eterne/disk/attach/nbd-devices.ts';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import type { BlockStore } from '@eterne/runtime';
import { plainDevice } from '../../../../packages/disk/test/support/plain-device.ts';
import { Subject, well } from '../../../../packages/cluster/test/monitor/agents/subject.ts';
import { makeHands } from '../../../../packages/cluster/test/monitor/hands.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';

/** This process serves the device: it must not wait for who uses it. */
const run = promisify(execFile);
const PATIENCE_MS = 3000;
const [attach = ''] = process.argv.slice(2);
const hands = { ...(await makeHands({ after: () => {} })), iscsiBridge: ISCSI_BRIDGE };
const world = createNodeWorld('agent');
const socket = volumeSocketPath(hands.dir, 'v');
const store = await result<BlockStore>((done) =>
  world.stores.open(join(hands.dir, 'store'), { createSizeBytes: 32 << 20 }, done),
);
const server = await result<NbdServer>((done) => NbdServer.listen(world, `unix:${socket}`, 'v', done));
server.serve(new ByteDevice(plainDevice('v', store)));

const subject = new Subject(hands, mirrorAgent, { volume: 'v', attach }, PATIENCE_MS * 50);
const device = (await well(subject.start())).outputs['device'] ?? '';
assert.match(device, /^\/dev\/(nbd\d+|sd[a-z])$/);
assert.equal((await subject.check()).state, 'running');
await run('mkfs.ext4', ['-q', device]);
await run('mount', [device, '/mnt']);
const impatient = await new Subject(hands, mirrorAgent, { volume: 'v', attach }, PATIENCE_MS).stop();
assert.match(impatient.reason, /still in use/);
assert.equal((await subject.check()).state, 'running');
await run('umount', ['/mnt']);
await well(subject.stop());
assert.equal(await client(), undefined);

const again = (await well(subject.start())).outputs['device'] ?? '';
await run('mount', [again, '/mnt']);
const late = openSync(again, 'rs+');
assert.equal(await subject.abandon(), '');
assert.equal(await client(), undefined);
assert.throws(() => writeSync(late, Buffer.alloc(4096), 0, 4096, 0), /EIO|ENODEV|ENXIO|ENOSPC/); // the last: a disk that has gone is empty
assert.equal((await subject.check()).state, 'failed');
const last = (await well(subject.start())).outputs['device'] ?? '';
assert.notEqual(last, again, 'a device that is still mounted is not used again');
await well(subject.stop());
process.stdout.write('well\n');
process.exit(0);

/** The device of the volume that is left. */
function client(): Promise<string | undefined> {
  return new Promise((resolve) =>
    nbdDevicesOn(world.files, socket, ([left]) => {
      if (left !== undefined) resolve(left.path);
      else diskOfTarget(world.files, bridgePrefix(socket), resolve);
    }),
  );
}

function result<Value>(start: (done: (value: Value | EterneError) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) =>
    start((value) => (value instanceof EterneError ? reject(value) : resolve(value))),
  );
}
