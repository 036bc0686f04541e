import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { Arbiter, MirrorVolume, VolumeConfig } from '../engine/api.ts';
import { openVolume } from '../engine/volume.ts';
import { JoinedVolume } from './joined-volume.ts';

/** Opens a volume on one device, or makes one of several ready, which opens them when it is promoted. */
export function openAnyVolume(
  world: World,
  config: VolumeConfig,
  arbiter: Arbiter,
  done: (result: MirrorVolume | EterneError) => void,
): void {
  if (config.devices === undefined) openVolume(world, config, arbiter, done);
  else done(new JoinedVolume(world, config));
}
