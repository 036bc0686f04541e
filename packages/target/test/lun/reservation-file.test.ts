/** Persistent reservations through a restart, with real files: what is answered GOOD under APTPL is there again. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { EterneError } from '@eterne/base';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { parseTargetConfig } from '@eterne/target/config.ts';
import { startTarget, type RunningTarget } from '@eterne/target/run.ts';
import { NORMAL, TestInitiator } from '../support/initiator.ts';

const IQN = 'iqn.2026-11.io.eterne:t1';
const world = { ...createNodeWorld('test'), log: () => {} };

function start(folder: string): Promise<RunningTarget> {
  const text = `portals: ['127.0.0.1:0']\ntargets: [{ iqn: '${IQN}', luns: [{ lun: 1, path: lun.img, size: 1MiB }] }]`;
  return startTarget(world, parseTargetConfig(text, join(folder, 'target.yaml')));
}

async function logIn(target: RunningTarget): Promise<TestInitiator> {
  const initiator = new TestInitiator(target.addresses[0] ?? '');
  await initiator.login(NORMAL(IQN));
  initiator.command('000000000000');
  await initiator.receive(); // the unit attention of a new session
  return initiator;
}

/** PERSISTENT RESERVE OUT; answers the status. */
async function reserveOut(
  initiator: TestInitiator,
  action: string,
  key: bigint,
  newKey: bigint,
  aptpl: boolean,
): Promise<number> {
  const list = Buffer.alloc(24);
  list.writeBigUInt64BE(key, 0);
  list.writeBigUInt64BE(newKey, 8);
  list.writeUInt8(aptpl ? 1 : 0, 20);
  initiator.command(`5f${action} 01 0000 00000018 00`, { data: list });
  return (await initiator.receive())?.header.readUInt8(3) ?? -1;
}

async function keys(initiator: TestInitiator): Promise<string> {
  initiator.command('5e00 0000000000 00ff 00', { readBytes: 255 });
  return (await initiator.receive())?.data.toString('hex', 8) ?? '';
}

it('keeps registrations and reservation made with APTPL through a restart, and forgets them without', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-reservations-'));
  const file = join(folder, 'lun.img.reservations');
  try {
    let target = await start(folder);
    let initiator = await logIn(target);
    assert.equal(await reserveOut(initiator, '00', 0n, 0xabcn, true), 0);
    assert.equal(await reserveOut(initiator, '01', 0xabcn, 0n, false), 0);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    initiator.close();
    await target.close();

    target = await start(folder);
    initiator = await logIn(target);
    assert.equal(await keys(initiator), '0000000000000abc');
    const stranger = new TestInitiator(target.addresses[0] ?? '');
    await stranger.login(NORMAL(IQN), undefined, '800000000002');
    stranger.command('000000000000');
    await stranger.receive();
    stranger.command('2a000000000000000100', { data: Buffer.alloc(512) });
    assert.equal((await stranger.receive())?.header.readUInt8(3), 0x18, 'RESERVATION CONFLICT');
    stranger.close();
    // Registering again without APTPL takes the persistence away.
    assert.equal(await reserveOut(initiator, '06', 0n, 0xdefn, false), 0);
    assert.ok(!existsSync(file));
    initiator.close();
    await target.close();

    writeFileSync(file, 'nonsense\n');
    await assert.rejects(start(folder), (error) => error instanceof EterneError && error.code === 'corrupt');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
