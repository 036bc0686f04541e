/** `attach: auto` on a kernel with NBD, in a virtual machine: a device for each term, none that goes on in the next, none left by a process that was killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { Guest, guestMissing } from './support/guest.ts';

const skip = guestMissing('nbd-client', 'mkfs.ext4');
const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const HERE = `${repositoryRoot}/test/conformance/kernel/support`;
const MAIN = `${NODE} ${HERE}/attach-main.ts /tmp/store /tmp`;
const WRITE = 'dd if=/dev/zero bs=4k count=1 oflag=direct conv=fsync status=none of=';
let guest: Guest;

before(async () => {
  if (skip === false) guest = await Guest.boot();
});
after(() => guest?.stop());

/** Starts it anew; `/tmp/said` is what it says, `/tmp/orders` what it hears. */
const START = `
  rm -f /tmp/orders; mkfifo /tmp/orders; : >/tmp/said
  sh -c 'exec 9<>/tmp/orders; exec ${MAIN} <&9 >/tmp/said 2>/tmp/log & echo $! >/tmp/pid; sleep 1000 & wait' >/dev/null 2>&1 &
  until test -s /tmp/said; do sleep 0.2; done`;
/** No client of ours is alive; a dead one that nobody has asked about has no command line. */
const GONE = `while grep -qs '[a]ttached.sock' /proc/[0-9]*/cmdline; do sleep 0.2; done`;
const LAST = `tail -n 1 /tmp/said`;

describe('a volume attached by the kernel', { skip, timeout: 600_000 }, () => {
  it('has a device for each term', async () => {
    const said = await guest.run(`${START}
      ${LAST}
      mkfs.ext4 -q /dev/nbd0; mount /dev/nbd0 /mnt; echo kept >/mnt/letter; umount /mnt`);
    assert.equal(said.trim(), 'attached /dev/nbd0');
    // Somebody still holds the device when its term ends.
    const late = await guest.attempt(`
      exec 8<>/dev/nbd0
      echo term >/tmp/orders
      until test $(grep -c attached /tmp/said) -eq 2; do sleep 0.2; done
      dd if=/dev/zero bs=4k count=1 oflag=direct conv=notrunc status=none of=/dev/nbd0 2>/tmp/late && echo 'the old device writes'
      cat /tmp/late >&2; cat /tmp/said`);
    assert.match(late.output, /error/i);
    assert.doesNotMatch(late.output, /the old device writes/);
    assert.match(late.output, /attached \/dev\/nbd0\ndetached\nattached \/dev\/nbd1/);
    await guest.run('mount /dev/nbd1 /mnt; test "$(cat /mnt/letter)" = kept');
  });

  it('takes away what a killed process left, also while it is mounted', async () => {
    const said = await guest.run(`
      kill -9 $(cat /tmp/pid)
      ${GONE}
      ${START}
      ${LAST}`);
    const path = /attached (\S+)/.exec(said)?.[1] ?? assert.fail(said);
    const { code } = await guest.attempt(`echo late >/mnt/letter && sync /mnt/letter`);
    assert.notEqual(code, 0);
    assert.notEqual(path, '/dev/nbd1');
    await guest.run(`
      umount -l /mnt; mkdir -p /tmp/mount; mount ${path} /tmp/mount
      test "$(cat /tmp/mount/letter)" = kept
      umount /tmp/mount; ${WRITE}${path}
      echo end >/tmp/orders
      until test "$(${LAST})" = detached; do sleep 0.2; done
      ${GONE}`);
  });

  it("is a group's resource: taken away when nobody uses it, and proven gone before the next start", async () => {
    const said = await guest.run(`${NODE} ${HERE}/agent-main.ts`);
    assert.match(said, /^well$/m);
  });
});
