import type { VolumeConfig } from '../engine/api.ts';
import { INTERNAL_METADATA } from '../engine/disk/open-device.ts';

/** The configuration of the replica on one device: the others are its peers. The same on every host that reaches the devices. */
export function legConfig(config: VolumeConfig, name: string): VolumeConfig {
  const { devices = {}, metadataPath, tls: _tls, compress: _compress, ...rest } = config;
  const others = Object.keys(devices).filter((other) => other !== name);
  return {
    ...rest,
    node: name,
    devicePath: devices[name] ?? '',
    metadataPath: metadataPath === INTERNAL_METADATA ? INTERNAL_METADATA : `${metadataPath}.${name}`,
    peers: Object.fromEntries(others.map((other) => [other, [other]])),
    linkChecksums: 'none',
  };
}
