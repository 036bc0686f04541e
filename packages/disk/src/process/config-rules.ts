/** Rules that span several keys of the configuration: nothing is used twice, and what belongs together is there. */
import type { DiskConfigDocument, VolumeDocument } from './config-schema.ts';
import type { Complaint } from './config-support.ts';

/** Peers and this node together are at most 32 replicas. */
const MAX_PEERS = 31;
const LOOPBACK = /^(unix:.*|127\.\d+\.\d+\.\d+:\d+|localhost:\d+|\[::1\]:\d+)$/;

export function brokenRules(document: DiskConfigDocument): readonly Complaint[] {
  const volumes = document.volumes.flatMap((volume, index) =>
    volumeRules(document, volume, ['volumes', index]),
  );
  return [...volumes, ...usedTwice(document)];
}

function volumeRules(
  document: DiskConfigDocument,
  volume: VolumeDocument,
  path: readonly (string | number)[],
): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const complain = (key: readonly (string | number)[], message: string): void => {
    complaints.push({ path: [...path, ...key], message: `volume ${volume.name}: ${message}` });
  };
  if ((volume.device === undefined) === (volume.devices === undefined))
    complain([], 'give either device or devices');
  if ((volume.onPeerLost === 'ask') !== (volume.peerLost !== undefined))
    complain(['onPeerLost'], '`onPeerLost: ask` and `peerLost: { command: [ … ] }` go together');
  if (volume.devices !== undefined && volume.onPeerLost === 'ask')
    complain(['onPeerLost'], 'devices of one host are no peers: continue or freeze');
  if (document.node in volume.peers)
    complain(['peers', document.node], `${document.node} is this node, not a peer`);
  if (Object.keys(volume.peers).length > MAX_PEERS) complain(['peers'], `more than ${MAX_PEERS} peers`);
  if (Object.keys(volume.peers).length > 0 && document.replication === undefined)
    complain(['peers'], 'peers need `replication: { listen: … }`');
  for (const [index, entry] of volume.exports.entries())
    if ('nbd' in entry && entry.nbd.tls === undefined && !isPrivateListen(entry.nbd.listen))
      complain(['exports', index], 'NBD beyond loopback needs TLS: `tls: { ca, cert, key }`');
  if (volume.devices !== undefined && volume.mode !== 'sync')
    complain(['mode'], 'several devices of one host are written synchronously');
  if (volume.devices !== undefined && /^\/dev\/|:\/\//.test(volume.metadata))
    complain(['metadata'], 'with several devices it is `internal`, or the beginning of the names of files');
  const hasIscsi = volume.exports.some((entry) => 'iscsi' in entry);
  if (hasIscsi && Object.values(volume.devices ?? {}).some((device) => device.startsWith('iscsi://')))
    complain(
      ['exports'],
      'no iscsi export of devices that another host may serve: its reservations would not move there',
    );
  if (hasIscsi && (volume.metadata === 'internal' || /^\/dev\/|:\/\//.test(volume.metadata)))
    complain(
      ['metadata'],
      'an iscsi export needs metadata in a file, beside which its reservations are kept',
    );
  if (volume.exports.filter((entry) => 'iscsi' in entry).length > 1)
    complain(
      ['exports'],
      'one iscsi export is enough: give it a listening address that all interfaces share',
    );
  return complaints;
}

/** NBD without TLS is for this machine only (DESIGN §8). */
export function isPrivateListen(listen: string): boolean {
  return LOOPBACK.test(listen);
}

function storesOf({ device, devices, metadata, rescueJournal }: VolumeDocument) {
  return [
    ...[device ?? [], Object.values(devices ?? {})].flat().map((path) => ({ key: 'device', path })),
    { key: 'metadata', path: metadata },
    ...(rescueJournal === undefined ? [] : [{ key: 'rescueJournal', path: rescueJournal.path }]),
  ];
}

/** Names, stores and listening addresses, each with where it stands. Port 0 is a different port every time. */
function usedTwice(document: DiskConfigDocument): readonly Complaint[] {
  const uses = document.volumes.flatMap((volume, index) => [
    { kind: 'volume', value: volume.name, path: ['volumes', index, 'name'] },
    ...storesOf(volume)
      .filter(({ path }) => path !== 'internal')
      .map(({ key, path }) => ({ kind: 'store', value: path, path: ['volumes', index, key] })),
    ...volume.exports.map((entry, at) => ({
      kind: 'listening address',
      value:
        'attach' in entry
          ? `attach of ${volume.name}`
          : 'nbd' in entry
            ? entry.nbd.listen
            : entry.iscsi.listen,
      path: ['volumes', index, 'exports', at],
    })),
  ]);
  const seen = new Set<string>();
  return uses
    .filter(({ value }) => !value.endsWith(':0'))
    .filter(({ kind, value }) => seen.size === seen.add(`${kind} ${value}`).size)
    .map(({ kind, value, path }) => ({ path, message: `${kind} ${value} is used twice` }));
}
