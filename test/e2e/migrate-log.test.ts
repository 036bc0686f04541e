/**
 * The cluster's log moves into three real etcd servers and back while a group runs: its program goes on, nothing acknowledged is lost, and the cluster takes over with
 * either engine. A node that is away during a move follows later.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ClusterStatus } from '@eterne/cluster/service/facade.ts';
import { EtcdServers, makePems, noEtcd } from '../../packages/cluster/test/etcd/support/etcd-servers.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';
import { processesWith } from './support/processes-with.ts';

/** A program that writes numbered lines, each on stable storage before the next. */
const RECORDER = `const fs = require('node:fs');
const file = process.argv[1];
const last = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\\n').length : 0;
const out = fs.openSync(file, 'a');
for (let n = last, once = () => { fs.writeSync(out, \`\${(n += 1)}\\n\`); fs.fsyncSync(out); setTimeout(once, 20); }; n === last; once()) n;`;

describe('the log moves into etcd and back', { skip: noEtcd, timeout: 600_000 }, () => {
  let lab: ClusterLab;
  let servers: EtcdServers;
  let nodes: readonly ClusterNode[] = [];
  const records = (): string => join(lab.root, 'records');
  const written = (): number => {
    const lines = readFileSync(records(), 'utf8').trim().split('\n');
    for (const [i, line] of lines.entries()) assert.equal(Number(line), i + 1, 'no record is missing');
    return lines.length;
  };
  /** The recorder, wherever it runs. */
  const programs = (): readonly number[] => processesWith('cmdline', `${records()}\0`);
  const settled = async (engine: string, asked = nodes): Promise<ClusterStatus> => {
    let found: ClusterStatus | undefined;
    await until(`the group is online, with ${engine}`, async () => {
      const all = await Promise.all(asked.map((node) => node.status()));
      const isWell = all.every(
        (status) =>
          status?.quorate === true &&
          status.consensus.engine === engine &&
          status.groups[0]?.state === 'online',
      );
      if (isWell) [found] = all;
      return isWell;
    });
    return found as ClusterStatus;
  };
  const migrate = async (to: string, asked: ClusterNode): Promise<void> => {
    const { code, stdout, stderr } = await eterne('cluster', 'migrate-log', '--to', to, '--dir', asked.dir);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`kept by ${to} now`));
  };
  const steady = (asked: ClusterNode): Promise<void> =>
    until('the log is steady', async () => (await asked.status())?.consensus.phase === 'steady');

  before(async () => {
    lab = await ClusterLab.make('log');
    const pems = await makePems(lab.root);
    servers = await EtcdServers.start({ pems });
    nodes = [1, 2, 3].map((number) => lab.member(`n${number}`, 120 + number));
    const command = [process.execPath, '-e', RECORDER, records()];
    const document = {
      cluster: { consensus: { engine: 'etcd', endpoints: servers.endpoints, ...pems } },
      groups: [
        {
          name: 'g',
          nodes: ['n1', 'n2', 'n3'],
          resources: [{ name: 'app', type: 'app', command }],
        },
      ],
    };
    await lab.begin(JSON.stringify(document));
  });
  after(async () => {
    await servers?.stop();
    await lab.end();
  });

  test('into etcd: the program runs on, and a lost node is taken over without a record lost', async () => {
    const [n1, n2] = nodes as [ClusterNode, ClusterNode, ClusterNode];
    assert.equal((await settled('embedded')).groups[0]?.owner, 'n1');
    await until('it runs', () => programs().length === 1);
    const [program] = programs();
    await migrate('etcd', n2);
    assert.equal((await settled('etcd')).groups[0]?.owner, 'n1');
    assert.deepEqual(programs(), [program], 'the program has not noticed');
    await steady(n2);
    const before = written();
    n1.signal('SIGKILL');
    await until('another node owns it', async () => {
      const status = await n2.status();
      return status?.groups[0]?.owner !== 'n1' && status?.groups[0]?.state === 'online';
    });
    await until('it goes on', () => written() > before);
    assert.equal(programs().length, 1);
    await n1.ended();
  });

  test('back into the nodes, one of which is away and follows later', async () => {
    const [n1, n2, n3] = nodes as [ClusterNode, ClusterNode, ClusterNode];
    const there = [n2, n3];
    const { owner } = (await settled('etcd', there)).groups[0] ?? assert.fail();
    const [program] = programs();
    await migrate('embedded', n2);
    const status = await settled('embedded', there);
    assert.equal(status.groups[0]?.owner, owner);
    assert.deepEqual(programs(), [program], 'the program has not noticed');
    assert.equal(status.consensus.epoch, 2);
    await n1.start();
    await settled('embedded', nodes);
    assert.ok(written() > 0);
  });
});
