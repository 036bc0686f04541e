/** The copies of a volume that a verify compares with the one that is served: on peers, or on other devices of the same volume. */
import { EterneError } from '@eterne/base';
import type { LocalReplicaStatus, PeerStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';

export type Copy = Pick<PeerStatus, 'node' | 'replication' | 'resync' | 'verify' | 'lastVerify'>;
type Copies = Pick<VolumeStatus, 'peers' | 'localReplicas'>;

/** A device goes by its name. The one in the lead is compared with none. */
export function copiesOf({ localReplicas = [], peers }: Copies): readonly Copy[] {
  return [...peers, ...localReplicas.filter(({ isSource }) => !isSource).map(copyOn)];
}

function copyOn({ lastVerify, name, replication, resync, verify }: LocalReplicaStatus): Copy {
  return { node: name, replication, resync, verify, lastVerify };
}

export const isCopying = ({ replication }: Copy): boolean =>
  replication === 'SyncSource' || replication === 'SyncTarget';

/** Of a volume with several devices: the one with which the others are compared. */
export function leadOf({ localReplicas }: Copies): string | undefined {
  return localReplicas?.find(({ isSource }) => isSource)?.name;
}

/** Throws where not everything was compared. `lead`: as it was when the verify began. */
export function checkEnd(name: string, lead: string | undefined, status: Copies, only?: string): void {
  // What the one before had found and not found, nobody remembers.
  if (leadOf(status) !== lead)
    throw cutShort(name, '', `device ${lead ?? leadOf(status)} is not in the lead any more`);
  const cut = copiesOf(status).find(
    ({ lastVerify, node }) => lastVerify?.isDone === false && (only ?? node) === node,
  );
  if (cut !== undefined) throw cutShort(name, ` with ${cut.node}`, cut.lastVerify?.reason);
}

function cutShort(name: string, whom: string, reason: string | undefined): EterneError {
  return new EterneError('io', `volume ${name}: the verify${whom} was cut short: ${reason}`);
}
