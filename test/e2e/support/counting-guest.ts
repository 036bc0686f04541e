/**
 * A tiny virtual machine that counts on its disk, for the `vm` agent: Debian's kernel (`npm run fetch-kernel`), busybox, and the script below. It writes block after block, each with
 * its own number, has each on stable storage, and only then says so on its serial line, which every boot appends to one file:
 *
 *     holds N       after a boot: blocks 1 to N are there, whole and in order
 *     acked N       block N is on stable storage
 *     broken at N   block N is not what was written there
 *     bye           somebody pressed the power button
 *
 * When its disk fails it says so and ends.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cpio } from '../../conformance/kernel/support/cpio.ts';
import { kernelPath, modulesFor } from '../../conformance/kernel/support/image.ts';

const BUSYBOX = '/bin/busybox';

const INIT = `#!/busybox sh
/busybox mkdir -p /bin /dev /proc /sys /etc/acpi/PWRF /var/log /var/run
/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod /$module; done
printf '#!/bin/sh\\necho bye >/dev/ttyS0\\npoweroff -f\\n' >/etc/acpi/PWRF/00000080
chmod 755 /etc/acpi/PWRF/00000080
acpid
end() {
  echo "the disk has failed" >/dev/ttyS0
  poweroff -f
}
while [ ! -b /dev/vda ]; do usleep 50000; done
dd if=/dev/vda of=/found bs=64k iflag=direct 2>/dev/null || end
count=$(tr '\\000' '\\n' </found | grep -v '^$' | awk '
  $0 != "block " NR { print "broken at " NR >"/dev/ttyS0"; exit }
  { n = NR }
  END { print n + 0 }')
echo "holds $count" >/dev/ttyS0
while :; do
  count=$((count + 1))
  echo "block $count" | dd of=/dev/vda bs=512 seek=$((count - 1)) conv=sync,notrunc oflag=direct 2>/dev/null || break
  blockdev --flushbufs /dev/vda || break
  sync /dev/vda && echo "acked $count" >/dev/ttyS0
  usleep 100000
done
end
`;

export class CountingGuest {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    const modules = modulesFor(['virtio_pci', 'virtio_blk', 'button', 'evdev']);
    const entries = modules.map((path) => ({ name: basename(path), content: readFileSync(path) }));
    const initramfs = cpio([
      { name: 'init', content: Buffer.from(INIT) },
      { name: 'modules', content: Buffer.from(entries.map(({ name }) => `${name}\n`).join('')) },
      { name: 'busybox', content: readFileSync(BUSYBOX) },
      ...entries,
    ]);
    writeFileSync(join(folder, 'initramfs'), initramfs);
  }

  /** For a resource `vm`: its disk is `device`. Emulated, so that it runs where there is no KVM. */
  command(device: string): readonly string[] {
    const words = (text: string): string[] => text.split(' ');
    return [
      ...words('qemu-system-x86_64 -accel tcg -m 96 -nodefaults -no-reboot -display none'),
      ...words(`-kernel ${kernelPath} -initrd ${join(this.#folder, 'initramfs')}`),
      '-append',
      // As of test/conformance/kernel/support/guest.ts. The kernel's own words go nowhere.
      'console=ttyS1 panic=-1 mitigations=off no_timer_check lpj=4000000 tsc=unstable',
      ...words(`-drive file=${device},format=raw,if=virtio`),
      ...words(`-chardev file,id=said,path=${this.#log},append=on -serial chardev:said`),
    ];
  }

  /** Whole lines of all boots, in order. */
  get said(): readonly string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, 'utf8').split(/\r?\n/).slice(0, -1) : [];
  }

  get #log(): string {
    return join(this.#folder, 'guest.log');
  }
}
