/** The Linux kernel's own iSCSI initiator (open-iscsi), in a virtual machine, on a plain target and on a mirrored volume with two paths. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { filesOf, mirrorPair, startSynced, type MirrorPair } from '../../e2e/support/disk-node.ts';
import { startTarget, type TargetProcess } from '../iscsi/support/target.ts';
import { Guest, guestMissing } from './support/guest.ts';
import { diskIn, logIn, logOut, portal, portOf, startOpenIscsi } from './support/open-iscsi.ts';

const PLAIN = 'iqn.2026-11.io.eterne:plain';
const MIRRORED = 'iqn.2026-11.io.eterne:v0';
const FILE_MIB = 16;
const CHAP = {
  user: 'alice',
  password: 'secretsecret',
  mutualUser: 'target',
  mutualPassword: 'otherotherother',
};
const folder = mkdtempSync(join(tmpdir(), 'eterne-kernel-iscsi-'));
const skip = guestMissing('iscsiadm', 'mkfs.ext4', 'debugfs', 'sg_persist', 'dmsetup');

let guest: Guest;
let target: TargetProcess;
let pair: MirrorPair;
let portals: { readonly a: number; readonly b: number };

before(async () => {
  if (skip !== false) return;
  portals = { a: await freePort(), b: await freePort() };
  pair = await mirrorPair('48MiB', [], (node, place) => ({
    ...filesOf(node, place),
    exports: `, { iscsi: { listen: "127.0.0.1:${portals[node]}", iqn: "${MIRRORED}" } }`,
  }));
  [guest, target] = await Promise.all([
    Guest.boot(),
    startTarget(
      folder,
      `  - { iqn: '${PLAIN}', luns: [{ lun: 1, path: plain.img, size: 96MiB, serial: PLAIN1 }], chap: ${JSON.stringify(CHAP)} }\n`,
    ),
    startSynced(pair),
  ]);
  await guest.run(startOpenIscsi());
});

after(async () => {
  await guest?.stop();
  await target?.stop();
  await pair?.remove();
  rmSync(folder, { recursive: true });
});

describe("the kernel's iSCSI initiator", { skip, timeout: 500_000 }, () => {
  it('finds the target, and is refused without the secret', async () => {
    const port = portOf(target.address);
    const found = await guest.run(`iscsiadm -m discovery -t sendtargets -p ${portal(port)} -o nonpersistent`);
    assert.match(found, new RegExp(`${PLAIN}$`, 'm'));
    const node = `iscsiadm -m node -T ${PLAIN} -p ${portal(port)}`;
    await guest.run(`${node} -o new; ${node} -o update -n node.session.initial_login_retry_max -v 1`);
    const refused = await guest.attempt(`${node} --login`);
    assert.match(refused.output, /authorization failure/);
    assert.equal(refused.code, 24);
  });

  it('keeps a file system on a LUN, with CHAP both ways and digests, and a reservation', async () => {
    const port = portOf(target.address);
    const disk = diskIn(
      await guest.run(
        logIn(PLAIN, port, {
          'node.session.auth.authmethod': 'CHAP',
          'node.session.auth.username': CHAP.user,
          'node.session.auth.password': CHAP.password,
          'node.session.auth.username_in': CHAP.mutualUser,
          'node.session.auth.password_in': CHAP.mutualPassword,
          'node.conn[0].iscsi.HeaderDigest': 'CRC32C',
          'node.conn[0].iscsi.DataDigest': 'CRC32C',
        }),
      ),
    );
    const system = `/sys/block/${basename(disk)}`;
    const made = await guest.run(`
      test $(cat ${system}/device/vendor) = ETERNE
      test $(cat ${system}/queue/discard_max_bytes) -gt 0
      test $(cat ${system}/queue/write_zeroes_max_bytes) -gt 0
      test "$(cat ${system}/queue/write_cache)" = 'write back'
      mkfs.ext4 -q ${disk}
      mount ${disk} /mnt
      dd if=/dev/urandom of=/mnt/chance bs=1M count=${FILE_MIB} conv=fsync 2>/dev/null
      sha256sum </mnt/chance`);
    const image = join(folder, 'plain.img');
    const fullBlocks = statSync(image).blocks;
    await guest.run(`
      dd if=/dev/zero of=/mnt/gone bs=1M count=${FILE_MIB} conv=fsync 2>/dev/null; rm /mnt/gone; sync
      fstrim /mnt
      umount /mnt`);
    assert.ok(statSync(image).blocks < fullBlocks + (FILE_MIB << 10));
    const persist = `sg_persist --device ${disk}`;
    const keys = await guest.run(`
      ${persist} --out --register --param-sark=0xabc >/dev/null
      ${persist} --out --reserve --param-rk=0xabc --prout-type=5 >/dev/null
      ${persist} --in --read-keys
      ${persist} --in --read-reservation
      ${persist} --out --release --param-rk=0xabc --prout-type=5 >/dev/null`);
    assert.match(keys, /0xabc\b/);
    assert.match(keys, /Write Exclusive, registrants only/);
    execFileSync('e2fsck', ['-fn', image], { stdio: 'ignore' });
    const chance = execFileSync('debugfs', ['-R', 'cat chance', image], {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    assert.ok(made.includes(createHash('sha256').update(chance).digest('hex')));
    await guest.run(`blkdiscard ${disk}; ${logOut(PLAIN, port)}`);
    assert.ok(statSync(image).blocks <= 8, 'a discarded LUN takes no room');
  });

  it('follows a mirrored volume by its other path when the primary is killed', async () => {
    const { a, b } = pair;
    const quick = {
      'node.session.timeo.replacement_timeout': 5,
      'node.conn[0].timeo.noop_out_interval': 2,
      'node.conn[0].timeo.noop_out_timeout': 4,
    };
    const disks = {
      a: diskIn(await guest.run(logIn(MIRRORED, portals.a, quick))),
      b: diskIn(await guest.run(logIn(MIRRORED, portals.b, quick))),
    };
    await guest.run(`
      test "$(cat /sys/block/${disks.a.slice(5)}/device/wwid)" = "$(cat /sys/block/${disks.b.slice(5)}/device/wwid)"
      size=$(cat /sys/block/${disks.a.slice(5)}/size)
      group() { echo "round-robin 0 1 1 $(cat /sys/block/$1/dev) 1"; }
      dmsetup create --noudevsync paths --table "0 $size multipath 2 queue_if_no_path retain_attached_hw_handler 1 alua 2 1 $(group ${disks.a.slice(5)}) $(group ${disks.b.slice(5)})"
      dmsetup mknodes
      mkfs.ext4 -q /dev/mapper/paths
      mount /dev/mapper/paths /mnt`);
    // What multipathd does: a path whose disk runs again is used again.
    void guest.attempt(`
      while dmsetup message paths 0 reinstate_path $(cat /sys/block/${disks.b.slice(5)}/dev); do sleep 1; done`);
    const writing = guest.run(`
      for n in $(seq 1 40); do dd if=/dev/urandom of=/mnt/$n bs=64k count=4 conv=fsync 2>/dev/null; sha256sum /mnt/$n >>/tmp/sums; done
      sync; echo 3 >/proc/sys/vm/drop_caches
      sha256sum --quiet -c /tmp/sums
      wc -l </tmp/sums`);
    await guest.run('until test $(wc -l </tmp/sums) -gt 5; do sleep 0.2; done');
    await a.kill();
    await b.must('promote', { force: true });
    assert.equal((await writing).trim(), '40');
    await guest.run('umount /mnt; dmsetup remove --noudevsync paths');
    await a.start();
    await b.wait('synced');
    assert.deepEqual(await Promise.all([a.stop(), b.stop()]), [0, 0]);
    execFileSync('cmp', [a.image, b.image]);
    execFileSync('e2fsck', ['-fn', b.image], { stdio: 'ignore' });
  });
});
