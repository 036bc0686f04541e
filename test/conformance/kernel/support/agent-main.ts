/** Runs in the guest: the cluster's `mirror` agent with `attach: auto`, from start to stop and after a lapsed lease. Prints `well` when all was as it should be. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EterneError } from '@eterne/base';
import { mirrorAgent } from '@eterne/cluster/monitor/agents/mirror/agent.ts';
import { volumeSocketPath } from '@eterne/cluster/node/layout.ts';
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
const hands = await makeHands({ after: () => {} });
const world = createNodeWorld('agent');
const socket = volumeSocketPath(hands.dir, 'v');
const store = await result<BlockStore>((done) =>
  world.stores.open(join(hands.dir, 'store'), { createSizeBytes: 32 << 20 }, done),
);
const server = await result<NbdServer>((done) => NbdServer.listen(world, `unix:${socket}`, 'v', done));
server.serve(new ByteDevice(plainDevice('v', store)));

const subject = new Subject(hands, mirrorAgent, { volume: 'v', attach: 'auto' }, PATIENCE_MS * 10);
const device = (await well(subject.start())).outputs['device'] ?? '';
assert.match(device, /^\/dev\/nbd\d+$/);
assert.equal((await subject.check()).state, 'running');
await run('mkfs.ext4', ['-q', device]);
await run('mount', [device, '/mnt']);
const impatient = await new Subject(hands, mirrorAgent, { volume: 'v', attach: 'auto' }, PATIENCE_MS).stop();
assert.match(impatient.reason, /still in use/);
assert.equal((await subject.check()).state, 'running');
await run('umount', ['/mnt']);
await well(subject.stop());
assert.deepEqual(await clients(), []);

const again = (await well(subject.start())).outputs['device'] ?? '';
await run('mount', [again, '/mnt']);
assert.equal(await subject.abandon(), '');
assert.deepEqual(await clients(), []);
await assert.rejects(
  run('dd', [`of=${again}`, 'if=/dev/zero', 'bs=4k', 'count=1', 'oflag=direct']),
  /Input\/output error/,
);
assert.equal((await subject.check()).state, 'failed');
const last = (await well(subject.start())).outputs['device'] ?? '';
assert.notEqual(last, again, 'a device that is still mounted is not used again');
await well(subject.stop());
process.stdout.write('well\n');
process.exit(0);

function clients(): Promise<readonly string[]> {
  return new Promise((resolve) =>
    nbdDevicesOn(world.files, socket, (devices) => resolve(devices.map(({ path }) => path))),
  );
}

function result<Value>(start: (done: (value: Value | EterneError) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) =>
    start((value) => (value instanceof EterneError ? reject(value) : resolve(value))),
  );
}
