/**
 * What cannot be meant, and is refused where a document is planned. The log does not refuse it: programs of every age decide alike there, and what is configured already
 * goes on.
 */
import { parseIp } from '../../monitor/agents/ip/address.ts';
import { hostOf } from '../../pki/addresses.ts';
import { sortedValues, type ClusterState, type ResourceDefinition } from '../../state/model.ts';
import { devicesOf } from '../../state/parts.ts';

/** The first that `after` has and `before` has not, as a sentence. */
export function newMistake(before: ClusterState, after: ClusterState): string | undefined {
  const known = new Set(mistakes(before));
  return mistakes(after).find((mistake) => !known.has(mistake));
}

function mistakes(state: ClusterState): readonly string[] {
  return [...ownAddresses(state), ...relativePaths(state)];
}

/** A stop of the group would take its address from the node, a move would give it to another. */
function ownAddresses({ groups, members }: ClusterState): readonly string[] {
  const owners = new Map(
    sortedValues(members).flatMap(({ name, addresses, api }) =>
      [...addresses, api].map((address) => [canonical(hostOf(address)), name] as const),
    ),
  );
  return sortedValues(groups).flatMap(({ spec }) =>
    spec.resources.flatMap((resource) => {
      const address = floatingAddress(resource);
      const node = address === undefined ? undefined : owners.get(canonical(address));
      if (address === undefined || node === undefined) return [];
      return [
        `group ${spec.name}: ${address} is an address of ${node} itself; a floating address is one that no node has`,
      ];
    }),
  );
}

function floatingAddress({ type, params }: ResourceDefinition): string | undefined {
  if (type === 'ip') return hostPart(params['address']);
  if (type !== 'ocf:heartbeat:IPaddr2') return undefined;
  const { ip } = (params['params'] ?? {}) as { readonly ip?: unknown };
  return hostPart(ip);
}

const hostPart = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.split('/')[0] : undefined;

/** One way to write an address; a name stays as it is. */
const canonical = (host: string): string => parseIp(host)?.bytes.toString('hex') ?? host.toLowerCase();

/** There is no folder that they could be relative to. */
function relativePaths({ volumes }: ClusterState): readonly string[] {
  return sortedValues(volumes).flatMap(({ spec }) =>
    spec.replicas.flatMap((replica) =>
      devicesOf(replica)
        .filter((device) => !device.startsWith('/') && !device.includes('://'))
        .map((device) => `volume ${spec.name}: ${device} on ${replica.node} is not an absolute path`),
    ),
  );
}
