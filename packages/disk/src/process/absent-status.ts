/** The status of a volume whose worker is not there: everything it serves has ended, what it last knew of its data stands. */
import type { PeerStatus, VolumeConfig, VolumeStatus } from '../engine/api.ts';

export function absentStatus(config: VolumeConfig, last: VolumeStatus | undefined): VolumeStatus {
  const { name, sizeBytes, mode } = config;
  return {
    term: 0,
    dirtyBytes: 0,
    inSyncSet: [],
    setVersion: 0,
    ioErrors: 0,
    remappedSectors: 0,
    generation: { current: '', history: [] },
    ...last,
    name: last?.name ?? name,
    sizeBytes: last?.sizeBytes ?? sizeBytes,
    mode,
    role: 'secondary',
    disk: 'Attaching',
    frozen: false,
    freezeReason: null,
    heldWrites: 0,
    attached: null,
    peers: last === undefined ? Object.keys(config.peers).map(unknownPeer) : last.peers.map(disconnected),
  };
}

function unknownPeer(node: string): PeerStatus {
  return {
    node,
    connection: 'Connecting',
    replication: 'Off',
    disk: 'Consistent',
    role: 'secondary',
    dirtyBytes: 0,
    lagBytes: 0,
    lagMs: 0,
    splitBrain: false,
    resync: { kind: 'none', reason: '', syncedBytes: 0, toSyncBytes: 0, wireBytes: 0, etaMs: null },
    verify: null,
    lastVerify: null,
  };
}

function disconnected(peer: PeerStatus): PeerStatus {
  return { ...peer, connection: 'Connecting', replication: 'Off', verify: null };
}
