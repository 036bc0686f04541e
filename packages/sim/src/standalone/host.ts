import { EterneError } from '@eterne/base';
import type { MirrorVolume, VolumeConfig, VolumeStatus } from '@eterne/disk/engine/api.ts';
import { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import { createLocalArbiter } from '@eterne/disk/engine/local-arbiter.ts';
import { openVolume } from '@eterne/disk/engine/volume.ts';
import { activityOf, readPreface } from '../mirror/host.ts';
import type { SimProcess } from '../world/process.ts';

/** A disk process with one volume and no cluster, as `eterne disk run` makes it. */
export class StandaloneHost {
  readonly process: SimProcess;
  volume: MirrorVolume | undefined;

  constructor(process: SimProcess) {
    this.process = process;
  }

  start(config: VolumeConfig, replicationAddress: string, onVolume: (volume: MirrorVolume) => void): void {
    const { process } = this;
    const { world } = process;
    BufferSlabs.poisons = true;
    openVolume(world, config, createLocalArbiter(world.timers, config), (volume) => {
      if (volume instanceof EterneError) {
        world.log('error', `cannot open the volume: ${volume.message}`);
        if (volume.message.includes('rescue journal'))
          process.node.universe.violate('rescue', `a journal keeps the volume closed: ${volume.message}`);
        // As the supervisor's: somebody starts it again.
        process.crash();
        return;
      }
      this.volume = volume;
      process.activity = () => activityOf(volume.status());
      world.network.listen(
        replicationAddress,
        (stream) => readPreface(stream, (_volume, from) => volume.acceptStream(stream, from)),
        () => undefined,
      );
      onVolume(volume);
    });
  }

  /** Undefined while it is dead or has not opened its volume. */
  get status(): VolumeStatus | undefined {
    return this.process.alive ? this.volume?.status() : undefined;
  }
}
