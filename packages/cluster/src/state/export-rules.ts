/** What the front ends of volumes may not be. */
import { isPrivateListen } from '@eterne/disk/process/config-rules.ts';
import type { ClusterState, PerNode, VolumeSpec } from './model.ts';
import { sortedValues } from './model.ts';
import { exportsOf } from './parts.ts';

/** The first rule that an export breaks. */
export function brokenExportRule(state: ClusterState): string | undefined {
  for (const { spec } of sortedValues(state.volumes)) {
    const broken = volumeRule(spec);
    if (broken !== undefined) return broken;
  }
  return sharedAddress(state);
}

function volumeRule(spec: VolumeSpec): string | undefined {
  const { name, replicas } = spec;
  const several = [spec, ...spec.parts].find(
    ({ exports }) => exports.filter(({ kind }) => kind === 'iscsi').length > 1,
  );
  if (several !== undefined)
    return `volume ${name} has more than one iscsi export${several === spec ? '' : ` of part ${several.name}`}; give one an address that all interfaces share`;
  for (const entry of exportsOf(spec)) {
    const addresses = addressesOf(entry.listen);
    const stranger = Object.keys(addresses).find(
      (node) => !replicas.some((replica) => replica.node === node),
    );
    if (typeof entry.listen !== 'string' && stranger !== undefined)
      return `an export of volume ${name} names ${stranger}, where it has no replica`;
    const open = Object.values(addresses).find((address) => !isPrivateListen(address));
    if (entry.kind === 'nbd' && entry.tls === undefined && open !== undefined)
      return `the nbd export of volume ${name} on ${open} is beyond loopback and needs tls: { ca, cert, key }`;
  }
  return undefined;
}

function addressesOf(listen: PerNode): Readonly<Record<string, string>> {
  return typeof listen === 'string' ? { '': listen } : listen;
}

/** Two front ends of one node on one address: the second could not be opened. */
function sharedAddress(state: ClusterState): string | undefined {
  const users = new Map<string, string>();
  for (const { spec } of sortedValues(state.volumes))
    for (const { listen } of exportsOf(spec))
      for (const { node } of spec.replicas) {
        const address = typeof listen === 'string' ? listen : listen[node];
        if (address === undefined || address.endsWith(':0')) continue;
        const user = users.get(`${node} ${address}`);
        if (user === spec.name) return `two exports of volume ${user} are on ${address} of ${node}`;
        if (user !== undefined)
          return `volumes ${user} and ${spec.name} are both exported on ${address} of ${node}`;
        users.set(`${node} ${address}`, spec.name);
      }
  return undefined;
}
