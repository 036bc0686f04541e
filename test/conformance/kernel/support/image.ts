/**
 * The kernel that tests boot in QEMU: Debian's, unpacked into a folder of its own and never installed. `fetch-kernel.ts` fills the folder; tests are skipped by
 * name while it is empty.
 *
 *   FOLDER/vmlinuz   FOLDER/modules/NNN-NAME.ko   numbered in the order in which they can be loaded
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, cpSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';

export const imageFolder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'eterne/kernel');
export const kernelPath = join(imageFolder, 'vmlinuz');
export const modulesFolder = join(imageFolder, 'modules');

/** What guests need, besides what these depend on. `crc32c_generic` is asked for by name at run time, so nothing names it as a dependency. */
const WANTED =
  'virtio_pci 9p 9pnet_virtio overlay virtio_net crc32c_generic nbd ext4 sd_mod iscsi_tcp dm_multipath scsi_dh_alua dm_round_robin virtio_blk button evdev'.split(
    ' ',
  );

/** One that was filled before something was wanted is none. */
export function hasImage(): boolean {
  if (!existsSync(kernelPath)) return false;
  const present = new Set(readdirSync(modulesFolder).map(moduleOf));
  return WANTED.every((name) => present.has(name));
}

/** Files of the image: `names` and what they need, in the order in which they can be loaded. */
export function modulesFor(names: readonly string[]): readonly string[] {
  const found = readdirSync(modulesFolder).map(
    (file) => [moduleOf(file), join(modulesFolder, file)] as const,
  );
  return inLoadOrder(new Map(found), names);
}

/** `root`: an unpacked linux-image package. */
export function fillImage(root: string): void {
  const release = readdirSync(join(root, 'lib/modules'))[0];
  if (release === undefined) throw new Error('the kernel package has no modules');
  const part = `${imageFolder}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(join(part, 'modules'), { recursive: true });
  for (const [place, path] of inLoadOrder(modulesBelow(join(root, 'lib/modules', release)), WANTED).entries())
    cpSync(path, join(part, 'modules', `${String(place).padStart(3, '0')}-${basename(path)}`));
  cpSync(join(root, 'boot', `vmlinuz-${release}`), join(part, 'vmlinuz'));
  rmSync(imageFolder, { recursive: true, force: true });
  renameSync(part, imageFolder);
}

function modulesBelow(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ko'),
  );
  return new Map(paths.map((path) => [nameOf(path), join(folder, path)]));
}

function inLoadOrder(found: ReadonlyMap<string, string>, names: readonly string[]): readonly string[] {
  const order = new Set<string>();
  const add = (name: string): void => {
    const path = found.get(name);
    if (path === undefined) throw new Error(`there is no module ${name}`);
    if (order.has(path)) return;
    for (const needed of dependencies(path)) add(needed);
    order.add(path);
  };
  for (const name of names) add(name);
  return [...order];
}

/** Without its number. */
const moduleOf = (file: string): string => nameOf(file.replace(/^\d+-/, ''));

const nameOf = (path: string): string => basename(path, '.ko').replaceAll('-', '_');

/** From the module's own `.modinfo` section: `depends=a,b` between zero bytes. */
function dependencies(path: string): readonly string[] {
  const found = /\0depends=([^\0]*)\0/.exec(readFileSync(path, 'latin1'))?.[1] ?? '';
  return found
    .split(',')
    .filter(Boolean)
    .map((name) => name.replaceAll('-', '_'));
}
