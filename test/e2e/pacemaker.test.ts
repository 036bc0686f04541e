/** The mirror alone under Pacemaker, by the resource agent in packaging/ocf. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { NbdClient } from '../../packages/disk/test/support/nbd-client.ts';
import { until } from './support/cluster-node.ts';
import { DiskNode } from './support/disk-node.ts';
import { PacemakerLab, pacemakerMissing } from './support/pacemaker-lab.ts';

const AGENT = join(repositoryRoot, 'packaging/ocf/eterne/mirror');
const TESTER = '/usr/sbin/ocf-tester';
/** What it checks meta-data with. */
const LINTER = '/usr/bin/xmllint';
const MIB = 1024 * 1024;
const ADDRESS = { a: '10.77.0.1', b: '10.77.0.2' } as const;
const OTHER = { a: 'b', b: 'a' } as const;
type Name = keyof typeof ADDRESS;

function newFolder(t: { after(then: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-pacemaker-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test(
  'ocf-tester finds nothing wrong with the agent',
  { skip: existsSync(TESTER) && existsSync(LINTER) ? false : `needs ${TESTER} and ${LINTER}` },
  (t) => {
    const folder = newFolder(t);
    const config = join(folder, 'a.yaml');
    const stores = 'size: 8MiB, device: a.img, metadata: a.meta, onPeerLost: freeze, initialSync: none';
    writeFileSync(config, `node: a\ncontrol: a.ctl\nvolumes:\n  - { name: v0, ${stores} }\n`);
    // A volume just created is promoted by the operator's word once; the agent never does that.
    const eterne = join(repositoryRoot, 'eterne');
    const env = {
      ...process.env,
      OCF_ROOT: '/usr/lib/ocf',
      OCF_RESKEY_eterne: eterne,
      OCF_RESKEY_config: config,
    };
    assert.equal(spawnSync(AGENT, ['start'], { env }).status, 0);
    execFileSync(eterne, ['disk', 'promote', 'v0', '--force', '--control', join(folder, 'a.ctl')]);
    assert.equal(spawnSync(AGENT, ['monitor'], { env }).status, 8);
    assert.equal(spawnSync(AGENT, ['stop'], { env }).status, 0);
    assert.equal(spawnSync(AGENT, ['monitor'], { env }).status, 7);
    const options = ['-n', 'v0', '-o', `config=${config}`, '-o', `eterne=${eterne}`, AGENT];
    const tester = spawnSync(TESTER, options, { encoding: 'utf8' });
    assert.equal(tester.status, 0, tester.stdout + tester.stderr);
    assert.match(tester.stdout, /passed all tests/);
  },
);

/** A node's disk process, as Pacemaker will run it. Its NBD socket lies in the shared folder. */
function configurationOf(name: Name, folder: string): string {
  const judge = `[${join(repositoryRoot, 'eterne')}, pacemaker, peer-lost]`;
  return `node: ${name}
control: ${folder}/${name}.ctl
replication: { listen: "${ADDRESS[name]}:7701" }
volumes:
  - name: v0
    size: 16MiB
    device: ${folder}/${name}.img
    metadata: ${folder}/${name}.meta
    initialSync: none
    peers: { ${OTHER[name]}: ["${ADDRESS[OTHER[name]]}:7701"] }
    onPeerLost: ask
    peerLost: { command: ${judge} }
    exports: [{ nbd: { listen: "unix:${join(folder, `${name}.nbd`)}" } }]
`;
}

const resources = (folder: string): string => `<resources>
<primitive id="fence" class="stonith" type="fence_dummy"><instance_attributes id="fence-i">
<nvpair id="fence-1" name="pcmk_host_list" value="a b"/><nvpair id="fence-2" name="pcmk_host_check" value="static-list"/>
</instance_attributes></primitive>
<clone id="mirror-clone"><meta_attributes id="mirror-m">
<nvpair id="mirror-m1" name="promotable" value="true"/><nvpair id="mirror-m2" name="promoted-max" value="1"/>
<nvpair id="mirror-m3" name="interleave" value="true"/></meta_attributes>
<primitive id="mirror" class="ocf" provider="eterne" type="mirror"><instance_attributes id="mirror-i">
<nvpair id="mirror-i1" name="config" value="${folder}/own/config.yaml"/></instance_attributes>
<operations><op id="mirror-o1" name="monitor" interval="2s" role="Promoted" timeout="20s"/>
<op id="mirror-o2" name="monitor" interval="3s" role="Unpromoted" timeout="20s"/>
<op id="mirror-o3" name="start" interval="0" timeout="60s"/><op id="mirror-o4" name="promote" interval="0" timeout="90s"/>
<op id="mirror-o5" name="stop" interval="0" timeout="60s"/></operations></primitive></clone></resources>`;

test(
  'a real Pacemaker promotes, fences, promotes the survivor, and never a replica that missed a write',
  { skip: pacemakerMissing() ?? false, timeout: 600_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-pacemaker-'));
    const nodes = { a: disk('a', folder), b: disk('b', folder) };
    const lab = new PacemakerLab(folder, ['a', 'b']);
    t.after(async () => {
      await lab.remove();
      rmSync(folder, { recursive: true });
    });
    const primary = async (): Promise<Name | undefined> => {
      if ((await roleOf(nodes.a)) === 'primary') return 'a';
      return (await roleOf(nodes.b)) === 'primary' ? 'b' : undefined;
    };
    const mark = (asked: Name, about: Name): string =>
      lab
        .tool(asked, 'crm_attribute', '-tnodes', `-N${about}`, '-neterne-outdated-v0', '--query', '--quiet')
        .stdout.trim();
    await createVolume(lab, folder, nodes);
    for (const name of ['a', 'b'] as const) lab.boot(name);
    await until('both nodes are members', () => membersSeen(lab, 'a') === 2);
    configure(lab, folder);
    await until('one copy is promoted', async () => (await primary()) !== undefined);
    const first = (await primary()) ?? 'a';
    const second = OTHER[first];
    await nodes[first].wait('synced');
    const writer = await NbdClient.open({ path: nodes[first].nbdPath }, 'v0');
    await writer.write(0, Buffer.alloc(MIB, 0x11));

    await lab.kill(first);
    await until('the survivor is promoted', async () => (await roleOf(nodes[second])) === 'primary');
    const survivor = await NbdClient.open({ path: nodes[second].nbdPath }, 'v0');
    const kept = await survivor.read(0, MIB);
    assert.ok(kept.data.equals(Buffer.alloc(MIB, 0x11)), 'every acknowledged write is there');
    await survivor.write(MIB, Buffer.alloc(MIB, 0x22));
    assert.match(mark(second, first), /^\d+$/, 'nothing was acknowledged before the lost replica was marked');

    await lab.kill(second);
    lab.boot('a');
    lab.boot('b');
    await until('some copy is promoted', async () => (await primary()) !== undefined);
    assert.equal(await primary(), second, 'the one that has every write');
    await nodes[second].wait('synced');
    const last = await NbdClient.open({ path: nodes[second].nbdPath }, 'v0');
    assert.ok((await last.read(MIB, MIB)).data.equals(Buffer.alloc(MIB, 0x22)));
    await until('the mark is taken away', () => mark(second, first) === '');
  },
);

/** Once, by hand, before Pacemaker has it: the replicas are declared equal, and one is promoted by the operator's word. */
async function createVolume(
  lab: PacemakerLab,
  folder: string,
  nodes: Readonly<Record<Name, DiskNode>>,
): Promise<void> {
  const eterne = join(repositoryRoot, 'eterne');
  const running = (['a', 'b'] as const).map((name) =>
    lab
      .host(name)
      .start(join(folder, `${name}.log`), eterne, 'disk', 'run', '--config', nodes[name].configPath),
  );
  await until('both disk processes answer', async () =>
    (await Promise.all([roleOf(nodes.a), roleOf(nodes.b)])).every(Boolean),
  );
  await nodes.a.wait('connected');
  await nodes.a.must('promote', { force: true });
  await nodes.a.wait('synced');
  await nodes.a.must('demote');
  for (const child of running) child.kill('SIGTERM');
  await Promise.all(running.map((child) => once(child, 'exit')));
}

function membersSeen(lab: PacemakerLab, from: Name): number {
  return (
    lab.tool(from, 'crm_mon', '-1', '--output-as=xml').stdout.match(/<node [^>]*online="true"/g)?.length ?? 0
  );
}

function configure(lab: PacemakerLab, folder: string): void {
  const orders = [
    ['cibadmin', '--replace', '--scope', 'resources', '--xml-text', resources(folder)],
    ['crm_attribute', '-t', 'crm_config', '-n', 'stonith-enabled', '-v', 'true'],
    // Hosts that start together wait for so long for one that has been elected already.
    ['crm_attribute', '-t', 'crm_config', '-n', 'dc-deadtime', '-v', '2s'],
  ];
  for (const order of orders) {
    const { code, stdout } = lab.tool('a', ...order);
    assert.equal(code, 0, stdout);
  }
}

/** Undefined while its disk process does not answer. */
async function roleOf(node: DiskNode): Promise<string | undefined> {
  return node.status().then(
    ({ role }) => role,
    () => undefined,
  );
}

function disk(name: Name, folder: string): DiskNode {
  return new DiskNode(folder, name, configurationOf(name, folder));
}
