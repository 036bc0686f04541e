import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { makeHeartDisk } from '../../src/heart/make-disk.ts';
import { BOARD_FROM, decodeBoardHeader } from '../../src/heart/wire/board.ts';
import { CLUSTER_ID, DISK_ID, SharedFile } from './shared-file.ts';
import { VirtualWorld } from './virtual-world.ts';

function make(file: SharedFile, world: VirtualWorld, clusterId = CLUSTER_ID): string | EterneError {
  let result: string | EterneError | undefined;
  const { random, timers } = world.machine(0);
  makeHeartDisk({ disks: file.disks(), random, timers }, '/dev/shared', clusterId, (made) => (result = made));
  world.run(20_000);
  return result ?? assert.fail('an answer');
}

const refusal = (result: string | EterneError): string =>
  result instanceof EterneError ? result.message : assert.fail('refused');

test('an empty disk is taken into use once, and found again', () => {
  const world = new VirtualWorld();
  const file = new SharedFile(world);
  file.content.fill(0);
  const id = make(file, world);
  assert.match(String(id), /^[0-9a-f]{32}$/);
  assert.equal(decodeBoardHeader(file.content.subarray(BOARD_FROM, BOARD_FROM + 4096))?.diskId, id);
  assert.equal(make(file, world), id);
});

test('what holds anything of anybody else is refused, and left as it is', () => {
  const world = new VirtualWorld();
  const file = new SharedFile(world);
  assert.equal(make(file, world), DISK_ID);
  assert.match(refusal(make(file, world, CLUSTER_ID.replace('9', '8'))), /of another cluster \(9d0f/);
  file.content.fill(0);
  file.content.write('a file system', 1024);
  const before = Buffer.from(file.content);
  assert.match(refusal(make(file, world)), /not empty/);
  assert.ok(before.equals(file.content));
});

test('a disk that fails, or does not answer, is no heartbeat disk', () => {
  const world = new VirtualWorld();
  const file = new SharedFile(world);
  file.fails = 'read /dev/shared: EIO';
  assert.match(refusal(make(file, world)), /\/dev\/shared cannot be a heartbeat disk: read .* EIO/);
  file.fails = undefined;
  file.hangs = true;
  assert.match(refusal(make(file, world)), /did not answer within 10 s/);
});
