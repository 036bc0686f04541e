import type { LocalReplicaStatus, PeerStatus, VolumeConfig, VolumeStatus } from '../engine/api.ts';
import { NIL_UUID } from '../metadata/index.ts';
import type { Leg } from './leg.ts';

const NO_RESYNC = {
  kind: 'none',
  reason: '',
  syncedBytes: 0,
  toSyncBytes: 0,
  wireBytes: 0,
  etaMs: null,
} as const;

export interface JoinedView {
  readonly legs: readonly Leg[];
  /** The device whose replica is primary. */
  readonly leader: Leg | undefined;
  /** This node serves, whether or not there is a leader just now. */
  readonly isServing: boolean;
  /** Devices are open, or being opened or closed: whoever waits for this host to let go of them has to wait on. */
  readonly isOpen: boolean;
  readonly term: number;
  /** Requests that wait for a leader. */
  readonly waitingCount: number;
  /** What was known when the devices were last open. */
  readonly last: Pick<VolumeStatus, 'inSyncSet' | 'setVersion' | 'generation' | 'sizeBytes'>;
}

/** What a volume with several devices shows: its own role, and each device as a replica. */
export function joinedStatus(config: VolumeConfig, view: JoinedView): VolumeStatus {
  const { isOpen, isServing, last, leader, legs, term, waitingCount } = view;
  const leading = leader?.volume?.status();
  const localReplicas = legs.map((leg) => replicaStatus(leg, leader, leading));
  const isStuck = isServing && leading === undefined;
  const freezeReason = freezeReasonOf(view, leading);
  const sum = (of: (replica: LocalReplicaStatus) => number): number =>
    localReplicas.reduce((total, replica) => total + of(replica), 0);
  return {
    name: config.name,
    sizeBytes: leading?.sizeBytes ?? Math.max(config.sizeBytes, last.sizeBytes),
    mode: config.mode,
    role: isOpen ? 'primary' : 'secondary',
    term,
    disk: isStuck ? 'Failed' : (leading?.disk ?? (isOpen ? 'Attaching' : 'Diskless')),
    dirtyBytes: leading?.dirtyBytes ?? 0,
    frozen: freezeReason !== null,
    freezeReason,
    heldWrites: (leading?.heldWrites ?? 0) + waitingCount,
    inSyncSet: leading?.inSyncSet ?? last.inSyncSet,
    setVersion: leading?.setVersion ?? last.setVersion,
    ioErrors: sum(({ ioErrors }) => ioErrors),
    remappedSectors: sum(({ remappedSectors }) => remappedSectors),
    attached: null,
    generation: leading?.generation ?? last.generation,
    peers: [],
    localReplicas,
  };
}

function freezeReasonOf({ isOpen, isServing }: JoinedView, leading: VolumeStatus | undefined): string | null {
  if (!isServing) return isOpen ? 'its devices are being opened or closed' : null;
  return leading === undefined ? 'no device is left that has everything' : leading.freezeReason;
}

export const NOTHING_KNOWN: JoinedView['last'] = {
  inSyncSet: [],
  setVersion: 0,
  generation: { current: NIL_UUID, history: [] },
  sizeBytes: 0,
};

function replicaStatus(
  leg: Leg,
  leader: Leg | undefined,
  leading: VolumeStatus | undefined,
): LocalReplicaStatus {
  const own = leg.volume?.status();
  const seen: PeerStatus | undefined = leading?.peers.find(({ node }) => node === leg.name);
  const isSource = leg === leader;
  return {
    name: leg.name,
    device: withoutPassword(leg.devicePath),
    isSource,
    disk: own === undefined ? (leg.isWanted ? 'Attaching' : 'Diskless') : (seen?.disk ?? own.disk),
    problem: leg.problem?.message ?? null,
    replication: seen?.replication ?? 'Off',
    splitBrain: seen?.splitBrain ?? false,
    dirtyBytes: seen?.dirtyBytes ?? 0,
    ioErrors: own?.ioErrors ?? 0,
    remappedSectors: own?.remappedSectors ?? 0,
    resync: seen?.resync ?? NO_RESYNC,
    verify: seen?.verify ?? null,
    lastVerify: seen?.lastVerify ?? null,
  };
}

/** `iscsi://USER%PASSWORD@HOST…`. */
function withoutPassword(path: string): string {
  return path.replace(/^(iscsi:\/\/[^@%/]+)%[^@/]*@/, '$1@');
}
