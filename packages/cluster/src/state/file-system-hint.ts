/** What an operator has to do so that the file system uses the room of a volume that has grown. */
import type { ClusterState, GroupState } from './model.ts';
import { sortedValues } from './model.ts';
import { deviceKey, mountPointOf, referencesIn, volumeOf, volumesOf } from './references.ts';

const COMMANDS: Readonly<Record<string, (directory: string) => string>> = {
  ext2: (directory) => `resize2fs on the device of ${directory}`,
  ext3: (directory) => `resize2fs on the device of ${directory}`,
  ext4: (directory) => `resize2fs on the device of ${directory}`,
  xfs: (directory) => `xfs_growfs ${directory}`,
  btrfs: (directory) => `btrfs filesystem resize max ${directory}`,
};

/** Half a sentence; undefined where no group mounts the volume. */
export function fileSystemHint(state: ClusterState, volume: string): string | undefined {
  const group = sortedValues(state.groups).find(({ spec }) => volumesOf(spec).includes(volume));
  const mounted = group && mountOf(group, volume, state.volumes[volume]?.spec.parts.at(-1)?.name);
  if (group === undefined || mounted === undefined) return undefined;
  const grow = COMMANDS[mounted.kind]?.(mounted.directory) ?? `grow the file system in ${mounted.directory}`;
  // A loop device over FUSE has the size that the volume had when it was made.
  return `its device shows that when ${group.spec.name} has been moved or restarted; then ${grow}`;
}

/** `last`: of a volume with parts, the one that grows. */
function mountOf(
  { spec }: GroupState,
  volume: string,
  last: string | undefined,
): { readonly directory: string; readonly kind: string } | undefined {
  const mirror = spec.resources.find((resource) => volumeOf(resource) === volume);
  const mount = spec.resources.find(
    (resource) =>
      mountPointOf(resource) !== undefined &&
      referencesIn(resource.params).some(
        ({ resource: name, key }) => name === mirror?.name && (last === undefined || key === deviceKey(last)),
      ),
  );
  const directory = mount && mountPointOf(mount);
  if (mount === undefined || directory === undefined) return undefined;
  const { fstype } = mount.params;
  return { directory, kind: typeof fstype === 'string' ? fstype : '' };
}
