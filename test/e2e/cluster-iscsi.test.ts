/** A volume of a cluster as an iSCSI target, under load from an initiator that follows its address: the owner is killed, and nobody sees an error or a wrong byte. */
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { ClusterLab } from './support/cluster-lab.ts';
import { until } from './support/cluster-node.ts';
import { FloatingAddress } from './support/floating-address.ts';
import { listens } from './support/nbdkit-disk.ts';

const IQN = 'iqn.2026-11.io.eterne:v';
const missing = ['qemu-nbd', 'fio'].find((tool) => spawnSync('which', [tool]).status !== 0);
const skip = missing === undefined ? false : `${missing} is not installed`;
const lab = await ClusterLab.make('iscsi');
const n1 = lab.member('n1', 91);
const n2 = lab.member('n2', 92);
lab.member('w', 93, 'witness');
const port = await freePort();

const DOCUMENT = `volumes:
  - name: v
    size: 64MiB
    replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img }
    exports:
      - iscsi: { iqn: "${IQN}", listen: { n1: "${n1.host}:${port}", n2: "${n2.host}:${port}" } }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
`;

let floating: FloatingAddress | undefined;
let initiator: ChildProcess | undefined;

before(async () => {
  if (skip === false) await lab.begin(DOCUMENT);
});

after(async () => {
  if (initiator?.exitCode === null && initiator.signalCode === null) {
    initiator.kill('SIGTERM');
    await once(initiator, 'exit');
  }
  floating?.close();
  await lab.end();
});

test(
  "an initiator keeps working while its volume's owner is killed",
  { skip, timeout: 600_000 },
  async () => {
    await until('n1 serves, whole', async () => {
      const status = await n1.status();
      const [group] = status?.groups ?? [];
      return group?.owner === 'n1' && group.state === 'online' && status?.volumes[0]?.inSyncSet.length === 2;
    });
    floating = await FloatingAddress.listen();
    floating.moveTo(`${n1.host}:${port}`);
    const socket = join(lab.root, 'initiator.nbd');
    initiator = spawn('qemu-nbd', ['-t', '-f', 'raw', '-k', socket, `iscsi://${floating.address}/${IQN}/1`], {
      stdio: 'inherit',
    });
    await until('the initiator has logged in', () => listens(socket));
    const job = '--name=load --ioengine=nbd --rw=randwrite --bs=4k --size=24M --iodepth=8 --rate_iops=700';
    const verify = '--verify=crc32c --verify_fatal=1 --verify_state_save=0';
    const words = [...job.split(' '), ...verify.split(' '), `--uri=nbd+unix:///?socket=${socket}`];
    let hasEnded = false;
    const load = promisify(execFile)('fio', words, { cwd: lab.root }).finally(() => (hasEnded = true));
    await until('the load has reached n2', async () => {
      const replicas = (await n2.status())?.volumes[0]?.replicas ?? [];
      return replicas.length === 2 && replicas.every(({ disk }) => disk === 'UpToDate');
    });
    assert.equal(hasEnded, false, 'the load runs when the owner is killed');
    n1.signal('SIGKILL');
    floating.moveTo(undefined);
    await until('n2 has taken over', async () => {
      const [group] = (await n2.status())?.groups ?? [];
      return group?.owner === 'n2' && group.state === 'online';
    });
    floating.moveTo(`${n2.host}:${port}`);
    const { stdout } = await load;
    assert.match(stdout, /err= 0/);
  },
);
