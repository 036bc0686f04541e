/** The Linux kernel's own NBD client on a mirrored volume, in a virtual machine: a file system over several connections, trims, and the end of a term. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { filesOf, mirrorPair, startSynced, type MirrorPair } from '../../e2e/support/disk-node.ts';
import { Guest, HOST, guestMissing } from './support/guest.ts';

const SIZE_MIB = 96;
const FILE_MIB = 24;
let guest: Guest;
let pair: MirrorPair;
let ports: { readonly a: number; readonly b: number };

const skip = guestMissing('nbd-client', 'mkfs.ext4', 'debugfs');

before(async () => {
  if (skip !== false) return;
  ports = { a: await freePort(), b: await freePort() };
  pair = await mirrorPair(`${SIZE_MIB}MiB`, [], (node, folder) => ({
    ...filesOf(node, folder),
    exports: `, { nbd: { listen: "127.0.0.1:${ports[node]}" } }`,
  }));
  [guest] = await Promise.all([Guest.boot(), startSynced(pair)]);
});

after(async () => {
  await guest?.stop();
  await pair?.remove();
});

const allocatedMib = (path: string): number => (statSync(path).blocks * 512) / (1 << 20);

describe("the kernel's NBD client", { skip, timeout: 400_000 }, () => {
  it('keeps a file system on both replicas, over two connections', async () => {
    const { a, b } = pair;
    await guest.run(`
      nbd-client ${HOST} ${ports.a} /dev/nbd0 -N v0 -C 2
      test $(cat /sys/block/nbd0/size) -eq ${SIZE_MIB * 2048}
      test $(cat /sys/block/nbd0/queue/write_cache | grep -c back) -eq 1
      test $(cat /sys/block/nbd0/queue/discard_max_bytes) -gt 0
      mkfs.ext4 -q /dev/nbd0
      mount /dev/nbd0 /mnt
      echo 'kept on both nodes' >/mnt/letter
      dd if=/dev/urandom of=/mnt/chance bs=1M count=${FILE_MIB} conv=fsync 2>/dev/null`);
    const sum = (await guest.run('sha256sum </mnt/chance')).split(' ')[0];
    const fullMib = allocatedMib(b.image);
    assert.ok(fullMib >= FILE_MIB, `${fullMib} MiB`);
    await guest.run(`
      dd if=/dev/zero of=/mnt/gone bs=1M count=${FILE_MIB} conv=fsync 2>/dev/null; rm /mnt/gone; sync
      fstrim /mnt
      umount /mnt
      nbd-client -d /dev/nbd0`);
    assert.ok(
      allocatedMib(b.image) < fullMib + FILE_MIB / 2,
      'trimmed blocks are given back on the peer too',
    );
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    execFileSync('cmp', [a.image, b.image]);
    execFileSync('e2fsck', ['-fn', b.image], { stdio: 'ignore' });
    const read = (file: string): Buffer =>
      execFileSync('debugfs', ['-R', `cat ${file}`, b.image], {
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    assert.equal(read('letter').toString(), 'kept on both nodes\n');
    assert.equal(createHash('sha256').update(read('chance')).digest('hex'), sum);
  });

  it('ends a device with its term: it never goes on in the next, where it is connected anew', async () => {
    const { a } = pair;
    await startSynced(pair);
    const connect = `nbd-client ${HOST} ${ports.a} /dev/nbd1 -N v0`;
    const write = 'dd if=/dev/urandom of=/dev/nbd1 bs=64k count=1 oflag=direct conv=fsync';
    await guest.run(`${connect}; ${write}`);
    await a.must('demote');
    await a.must('promote');
    const late = await guest.attempt(write);
    assert.notEqual(late.code, 0);
    assert.match(late.output, /Input\/output error/);
    await guest.run(`nbd-client -d /dev/nbd1; ${connect}; ${write}; nbd-client -d /dev/nbd1`);
  });
});
