/** A volume attached to a kernel, in a virtual machine: a device for each term, none that goes on in the next, none left by a process that was killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';
import { Guest, guestMissing } from './support/guest.ts';
import { startOpenIscsi } from './support/open-iscsi.ts';

const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const HERE = `${repositoryRoot}/test/conformance/kernel/support`;
/** `auto` is `nbd` on this kernel. */
const WAYS = [
  { way: 'auto', tool: 'nbd-client', prepare: '', device: String.raw`/dev/nbd\d+` },
  { way: 'iscsi', tool: 'iscsiadm', prepare: startOpenIscsi(), device: '/dev/sd[a-z]' },
] as const;
const WRITE = 'dd if=/dev/zero bs=4k count=1 oflag=direct conv=notrunc status=none';

/** Starts it anew; `/tmp/said` is what it says, `/tmp/orders` what it hears. */
const start = (way: string): string => `
  rm -f /tmp/orders; mkfifo /tmp/orders; : >/tmp/said
  sh -c 'exec 9<>/tmp/orders; exec ${NODE} ${HERE}/attach-main.ts /tmp/store /tmp ${way} <&9 >/tmp/said 2>/tmp/log & echo $! >/tmp/pid; sleep 1000 & wait' >/dev/null 2>&1 &
  until test -s /tmp/said; do sleep 0.2; done`;
/** No client of ours is alive; a dead one that nobody has asked about has no command line. */
const GONE = `while grep -qs '[a]ttached.sock' /proc/[0-9]*/cmdline; do sleep 0.2; done`;
const LAST = `tail -n 1 /tmp/said`;

for (const { way, tool, prepare, device } of WAYS) {
  const skip = guestMissing(tool, 'mkfs.ext4');
  describe(`a volume attached by the kernel, ${way}`, { skip, timeout: 600_000 }, () => {
    let guest: Guest;
    let [first, second] = ['', ''];

    before(async () => {
      guest = await Guest.boot();
      await guest.run(prepare);
    });
    after(() => guest?.stop());

    it('has a device for each term', async () => {
      const said = await guest.run(`${start(way)}\n${LAST}`);
      first = new RegExp(`^attached (${device})$`, 'm').exec(said)?.[1] ?? assert.fail(said);
      await guest.run(`mkfs.ext4 -q ${first}; mount ${first} /mnt; echo kept >/mnt/letter; umount /mnt`);
      // Somebody still holds the device when its term ends.
      const late = await guest.attempt(`
        exec 8<>${first}
        echo term >/tmp/orders
        until test $(grep -c attached /tmp/said) -eq 2; do sleep 0.2; done
        ${WRITE} >&8 2>/tmp/late && echo 'the old device writes'
        cat /tmp/late >&2; cat /tmp/said`);
      assert.match(late.output, /error|No such device/i);
      assert.doesNotMatch(late.output, /the old device writes/);
      second = new RegExp(`attached ${first}\\ndetached\\nattached (${device})`).exec(late.output)?.[1] ?? '';
      assert.notEqual(second, first);
      await guest.run(`mount ${second} /mnt; test "$(cat /mnt/letter)" = kept`);
    });

    it('takes away what a killed process left, also while it is mounted', async () => {
      const said = await guest.run(`
        kill -9 $(cat /tmp/pid)
        ${GONE}
        ${start(way)}
        ${LAST}`);
      const path = /attached (\S+)/.exec(said)?.[1] ?? assert.fail(said);
      const { code } = await guest.attempt(`echo late >/mnt/letter && sync /mnt/letter`);
      assert.notEqual(code, 0);
      assert.notEqual(path, second);
      await guest.run(`
        umount -l /mnt; mkdir -p /tmp/mount; mount ${path} /tmp/mount
        test "$(cat /tmp/mount/letter)" = kept
        umount /tmp/mount; ${WRITE} of=${path}
        echo end >/tmp/orders
        until test "$(${LAST})" = detached; do sleep 0.2; done
        ${GONE}`);
    });

    it("is a group's resource: taken away when nobody uses it, and proven gone before the next start", async () => {
      const said = await guest.run(`${NODE} ${HERE}/agent-main.ts ${way}`);
      assert.match(said, /^well$/m);
    });
  });
}
