/** A mirrored volume as an iSCSI target on both nodes: one identity, one set of reservations, and a take-over that applications do not see. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { LOGIN_STATUS } from '@eterne/iscsi';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { NORMAL, TestInitiator } from '../../packages/target/test/support/initiator.ts';
import { until } from './support/cluster-node.ts';
import { filesOf, mirrorPair, startSynced, type MirrorPair } from './support/disk-node.ts';
import { FloatingAddress } from './support/floating-address.ts';
import { listens } from './support/nbdkit-disk.ts';

const IQN = 'iqn.2026-11.io.eterne:v0';
const run = promisify(execFile);
const endings: (() => Promise<unknown> | void)[] = [];

after(async () => {
  for (const end of endings.reverse()) await end();
});

interface IscsiPair extends MirrorPair {
  /** iSCSI portals. */
  readonly portals: { readonly a: string; readonly b: string };
}

async function iscsiPair(size: string): Promise<IscsiPair> {
  const portals = { a: `127.0.0.1:${await freePort()}`, b: `127.0.0.1:${await freePort()}` };
  const pair = await mirrorPair(size, [], (node, folder) => ({
    ...filesOf(node, folder),
    exports: `, { iscsi: { listen: "${portals[node]}", iqn: "${IQN}" } }`,
  }));
  endings.push(() => pair.remove());
  await startSynced(pair);
  return { ...pair, portals };
}

const uri = (portal: string): string => `iscsi://${portal}/${IQN}/1`;

function missing(...tools: readonly string[]): string | false {
  for (const tool of tools)
    try {
      execFileSync('which', [tool], { stdio: 'ignore' });
    } catch {
      return `${tool} is not installed`;
    }
  return false;
}

/** As initiators do, again and again while nobody serves the target. */
async function logIn(portal: string): Promise<TestInitiator> {
  let initiator = new TestInitiator(portal);
  await until('the log-in', async () => {
    const answer = await initiator.login(NORMAL(IQN));
    if (answer?.response.status === LOGIN_STATUS.success) return true;
    assert.equal(answer?.response.status, LOGIN_STATUS.serviceUnavailable);
    initiator = new TestInitiator(portal);
    return false;
  });
  initiator.command('000000000000');
  await initiator.receive(); // the unit attention of a new session
  return initiator;
}

/** PERSISTENT RESERVE OUT: REGISTER a key, without APTPL. */
async function register(initiator: TestInitiator, key: bigint): Promise<number> {
  const list = Buffer.alloc(24);
  list.writeBigUInt64BE(key, 8);
  initiator.command('5f00 00 0000 00000018 00', { data: list });
  return (await initiator.receive())?.header.readUInt8(3) ?? -1;
}

async function keys(initiator: TestInitiator): Promise<string> {
  initiator.command('5e00 0000000000 00ff 00', { readBytes: 255 });
  return (await initiator.receive())?.data.toString('hex', 8) ?? '';
}

describe('a mirrored volume over iSCSI', { timeout: 600_000 }, () => {
  it('is one logical unit on both nodes', { skip: missing('iscsi-inq', 'iscsi-test-cu') }, async () => {
    const { portals } = await iscsiPair('64MiB');
    for (const page of ['128', '131']) {
      const [a, b] = await Promise.all(
        [portals.a, portals.b].map((portal) => run('iscsi-inq', ['-e', '1', '-c', page, uri(portal)])),
      );
      const unit = (stdout = ''): string => stdout.slice(stdout.indexOf('LOGICAL_UNIT') + 1);
      assert.equal(unit(a?.stdout), unit(b?.stdout));
    }
    assert.match((await run('iscsi-inq', [uri(portals.b)])).stdout, /^MultiP:1$/m);
    const { stdout } = await run(
      'iscsi-test-cu',
      ['--dataloss', '-V', '-t', 'ALL.MultipathIO', uri(portals.a), uri(portals.b)],
      { timeout: 600_000 },
    );
    assert.equal(stdout.match(/\.\.\..*?passed/gs)?.length, 4, stdout.slice(-2000));
    assert.doesNotMatch(stdout, /FAILED|SKIPPED/);
  });

  it('keeps its registrations when the primary is killed and the other node takes over', async () => {
    const { a, b, portals } = await iscsiPair('16MiB');
    // Through the node that is not primary.
    assert.equal(await register(await logIn(portals.b), 0x1111n), 0);
    assert.equal(await keys(await logIn(portals.a)), '0000000000001111');
    await a.kill();
    await b.must('promote', { force: true });
    assert.equal(await keys(await logIn(portals.b)), '0000000000001111');
    await a.start();
    await b.wait('synced');
    await b.kill();
    await a.must('promote', { force: true });
    assert.equal(await keys(await logIn(portals.a)), '0000000000001111');
  });

  it('tells initiators of both nodes that it has grown', async () => {
    const { a, portals } = await iscsiPair('16MiB');
    const initiators = [await logIn(portals.a), await logIn(portals.b)];
    assert.equal((await a.run('resize', '--size', '24MiB')).code, 0);
    for (const initiator of initiators) {
      initiator.command('000000000000');
      // CAPACITY DATA HAS CHANGED, once; behind the sense data's own length.
      assert.equal((await initiator.receive())?.data.readUInt16BE(2 + 12), 0x2a09);
      initiator.command('25 00 00000000 0000 00 00', { readBytes: 8 });
      assert.equal((await initiator.receive())?.data.readUInt32BE(0), (24 << 20) / 512 - 1);
    }
  });

  it('moves under load without an error or a wrong byte', { skip: missing('qemu-nbd', 'fio') }, async () => {
    const { a, b, portals, folder } = await iscsiPair('64MiB');
    const floating = await FloatingAddress.listen();
    endings.push(() => floating.close());
    floating.moveTo(portals.a);
    const socket = join(folder, 'initiator.nbd');
    const initiator = spawn('qemu-nbd', ['-t', '-f', 'raw', '-k', socket, uri(floating.address)], {
      stdio: 'inherit',
    });
    endings.push(() => ended(initiator));
    await until('the initiator has logged in', () => listens(socket));
    const load = run('fio', [
      '--name=load',
      '--ioengine=nbd',
      `--uri=nbd+unix:///?socket=${socket}`,
      '--rw=randwrite',
      '--bs=4k',
      '--size=24M',
      '--iodepth=8',
      '--rate_iops=3000',
      '--verify=crc32c',
      '--verify_fatal=1',
      '--verify_state_save=0',
    ]);
    await sleep(1000);
    await a.kill();
    floating.moveTo(undefined);
    await b.must('promote', { force: true });
    floating.moveTo(portals.b);
    const { stdout } = await load;
    assert.match(stdout, /err= 0/);
    await ended(initiator);
    await a.start();
    await b.wait('synced');
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    execFileSync('cmp', [a.image, b.image]);
  });
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
