import type { Others, VolumeConfig } from './api.ts';

export function othersOf({ peers, lives }: VolumeConfig): Others {
  return lives === undefined ? { peers } : { peers, lives };
}

export function withOthers(config: VolumeConfig, others: Others): VolumeConfig {
  const { lives: _, ...known } = config;
  return { ...known, ...others };
}
