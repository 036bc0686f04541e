/** Two volumes of a mirror set, with real processes: one term, one loss, one take-over for both, each with front ends of its own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { LOGIN_STATUS } from '@eterne/iscsi';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { NORMAL, TestInitiator } from '../../packages/target/test/support/initiator.ts';
import { until } from './support/cluster-node.ts';
import { DiskNode, eterne } from './support/disk-node.ts';

const MIB = 1024 * 1024;
const IQN = 'iqn.2026-11.io.eterne:wal';
const MISSING = spawnSync('qemu-io', ['--version']).error !== undefined && 'qemu-io';
const folder = mkdtempSync(join(tmpdir(), 'eterne-set-'));
const nodes: DiskNode[] = [];

after(async () => {
  await Promise.all(nodes.map((node) => node.kill()));
  rmSync(folder, { recursive: true });
});

async function makeNodes(): Promise<readonly [DiskNode, DiskNode, Record<string, string>]> {
  const ports = { a: await freePort(), b: await freePort() };
  const portals = { a: `127.0.0.1:${await freePort()}`, b: `127.0.0.1:${await freePort()}` };
  const make = (name: 'a' | 'b', peer: 'a' | 'b'): DiskNode => {
    const volume = (of: string, size: string, more: string): string => `
  - name: ${of}
    size: ${size}
    device: ${name}.${of}.img
    metadata: ${name}.${of}.meta
    initialSync: none
    peers: { ${peer}: ["127.0.0.1:${ports[peer]}"] }
    exports: [{ nbd: { listen: "unix:${name}.${of}.nbd" } }${more}]`;
    const configuration = `node: ${name}
control: ${name}.ctl
replication: { listen: "127.0.0.1:${ports[name]}" }
volumes:${volume('data', '64MiB', '')}${volume('wal', '16MiB', `, { iscsi: { listen: "${portals[name]}", iqn: "${IQN}" } }`)}
mirrorSets: [{ name: db, volumes: [data, wal] }]
`;
    return new DiskNode(folder, name, configuration, ports[name]);
  };
  nodes.push(make('a', 'b'), make('b', 'a'));
  return [nodes[0] as DiskNode, nodes[1] as DiskNode, portals];
}

/** A verb for the set, or one of its volumes, as a command. */
async function must(node: DiskNode, verb: string, name: string, ...options: string[]): Promise<void> {
  const { code, stderr } = await eterne('disk', verb, name, '--control', node.control, ...options);
  assert.equal(code, 0, `${node.name}: ${verb} ${name}: ${stderr}\n${node.stderr}`);
}

async function statusOf(node: DiskNode, ...names: string[]): Promise<readonly VolumeStatus[]> {
  const { stdout } = await eterne('disk', 'status', ...names, '--control', node.control, '--json');
  return (JSON.parse(stdout) as { volumes: VolumeStatus[] }).volumes;
}

const qemuIo = (node: DiskNode, of: string, ...commands: readonly string[]): string => {
  const uri = `nbd+unix:///${of}?socket=${join(folder, `${node.name}.${of}.nbd`)}`;
  return execFileSync('qemu-io', ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri], {
    encoding: 'utf8',
  });
};

/** Logs in, again and again while nobody serves the target, and takes the unit attention of a new session. */
async function logIn(portal: string): Promise<TestInitiator> {
  let initiator = new TestInitiator(portal);
  await until('the log-in', async () => {
    const answer = await initiator.login(NORMAL(IQN));
    if (answer?.response.status === LOGIN_STATUS.success) return true;
    initiator = new TestInitiator(portal);
    return false;
  });
  initiator.command('000000000000');
  await initiator.receive();
  return initiator;
}

async function registrations(initiator: TestInitiator): Promise<string> {
  initiator.command('5e00 0000000000 00ff 00', { readBytes: 255 });
  return (await initiator.receive())?.data.toString('hex', 8) ?? '';
}

describe('a mirror set of two volumes', { timeout: 600_000, skip: MISSING && `needs ${MISSING}` }, () => {
  it('is promoted, lost, taken over and grown as one', async () => {
    const [a, b, portals] = await makeNodes();
    await Promise.all([a.start(), b.start()]);
    await must(a, 'wait', 'db', '--for', 'connected');
    await must(a, 'promote', 'db', '--force');
    await must(a, 'wait', 'db', '--for', 'synced');
    const shown = await statusOf(a);
    assert.deepEqual(
      shown.map(({ name, mirrorSet, role, sizeBytes, term }) => [
        name,
        mirrorSet,
        role,
        sizeBytes / MIB,
        term,
      ]),
      [
        ['data', 'db', 'primary', 64, 1],
        ['wal', 'db', 'primary', 16, 1],
      ],
    );
    assert.equal((await statusOf(a, 'db')).length, 2);
    assert.equal((await statusOf(a, 'wal')).length, 1);

    qemuIo(a, 'data', 'write -P 0x11 0 1M', 'write -P 0x12 63M 1M', 'flush');
    qemuIo(a, 'wal', 'write -P 0x21 0 1M', 'write -P 0x22 15M 1M', 'flush');
    const initiator = await logIn(portals['b'] ?? '');
    const list = Buffer.alloc(24);
    list.writeBigUInt64BE(0x2222n, 8);
    initiator.command('5f00 00 0000 00000018 00', { data: list });
    assert.equal((await initiator.receive())?.header.readUInt8(3), 0);

    await a.kill();
    await must(b, 'promote', 'wal', '--force');
    assert.deepEqual(
      (await statusOf(b)).map(({ role }) => role),
      ['primary', 'primary'],
    );
    qemuIo(b, 'data', 'read -P 0x11 0 1M', 'read -P 0x12 63M 1M', 'write -P 0x13 1M 1M', 'flush');
    qemuIo(b, 'wal', 'read -P 0x21 0 1M', 'read -P 0x22 15M 1M', 'write -P 0x23 1M 1M', 'flush');
    assert.equal(await registrations(await logIn(portals['b'] ?? '')), '0000000000002222');

    await a.start();
    await must(b, 'wait', 'db', '--for', 'synced');
    const data = await eterne('disk', 'resize', 'data', '--size', '96MiB', '--control', b.control);
    assert.equal(data.code, 1);
    assert.match(data.stderr, /only wal can grow/);
    await must(b, 'resize', 'wal', '--size', '32MiB');
    assert.deepEqual(
      (await statusOf(a)).map(({ sizeBytes }) => sizeBytes / MIB),
      [64, 32],
    );
    qemuIo(b, 'wal', 'read -P 0 16M 16M', 'write -P 0x24 31M 1M', 'flush');
    await must(b, 'demote', 'db');
    await Promise.all([a.stop(), b.stop()]);
    for (const volume of ['data', 'wal'])
      execFileSync('cmp', [join(folder, `a.${volume}.img`), join(folder, `b.${volume}.img`)]);
  });
});
