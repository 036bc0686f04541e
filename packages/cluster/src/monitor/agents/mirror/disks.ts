/** The disks of a mirror resource's volume on this node: one, or one for each part. Each has an export and is attached by itself. */
import { deviceKey, socketKey } from '../../../state/references.ts';
import { fullPartName } from '../../../state/parts.ts';
import { volumeSocketPath } from '../../../node/layout.ts';
import type { Hands, Job } from '../agent.ts';
import type { MirrorParams } from './params.ts';

export interface Disk {
  /** Of its export. */
  readonly name: string;
  /** Where that listens. */
  readonly socket: string;
  /** The same for programs that speak NBD. */
  readonly uri: string;
  /** Under which later resources find it: `socket` and `device`, with the part's name where there are parts. */
  readonly keys: { readonly socket: string; readonly device: string };
}

export function disksOf(
  { dir }: Pick<Hands, 'dir'>,
  { params, spec }: Pick<Job<MirrorParams>, 'params' | 'spec'>,
): readonly Disk[] {
  const { volume } = params;
  const disk = (name: string, keys: Disk['keys']): Disk => {
    const socket = volumeSocketPath(dir, name);
    return { name, socket, uri: `nbd+unix:///${name}?socket=${socket}`, keys };
  };
  if (spec.parts === undefined) return [disk(volume, { socket: 'socket', device: 'device' })];
  return spec.parts.map((part) =>
    disk(fullPartName(volume, part), { socket: socketKey(part), device: deviceKey(part) }),
  );
}
