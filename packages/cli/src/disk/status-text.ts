/** `eterne disk status` for people. */
import { formatSize } from '@eterne/base';
import type { PeerStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { DiskStatus } from './control.ts';

export function statusText({ node, volumes }: DiskStatus): string {
  return [`node ${node}`, ...volumes.flatMap(volumeLines)].map((line) => `${line}\n`).join('');
}

function volumeLines(volume: VolumeStatus): readonly string[] {
  const { name, sizeBytes, mode, role, disk, term, inSyncSet } = volume;
  const frozen = volume.frozen ? `, FROZEN: ${volume.freezeReason ?? 'unknown reason'}` : '';
  const held = volume.heldWrites > 0 ? `, ${volume.heldWrites} writes held` : '';
  const errors = volume.ioErrors > 0 ? `, ${volume.ioErrors} I/O errors` : '';
  return [
    `  ${name}  ${formatSize(sizeBytes)} ${mode}  ${role} ${disk}  term ${term}  in sync: ${inSyncSet.join(' ')}${frozen}${held}${errors}`,
    ...volume.peers.map(peerLine),
  ];
}

function peerLine(peer: PeerStatus): string {
  const { node, connection, replication, disk, role, dirtyBytes, resync } = peer;
  const dirty = dirtyBytes > 0 ? `, ${formatSize(dirtyBytes)} differ` : '';
  const split = peer.splitBrain ? ', SPLIT BRAIN' : '';
  const syncing = replication === 'SyncSource' || replication === 'SyncTarget';
  const eta = resync.etaMs === null ? '' : `, ${Math.ceil(resync.etaMs / 1000)} s left`;
  const progress = syncing
    ? `, ${resync.kind} resync ${formatSize(resync.syncedBytes)} of ${formatSize(resync.toSyncBytes)}${eta}`
    : '';
  return `    ${node}  ${connection} ${replication}  ${role} ${disk}${dirty}${progress}${verifyText(peer)}${split}`;
}

function verifyText({ verify, lastVerify }: PeerStatus): string {
  if (verify !== null) {
    const eta = verify.etaMs === null ? '' : `, ${Math.ceil(verify.etaMs / 1000)} s left`;
    return `, verify ${formatSize(verify.checkedBytes)} of ${formatSize(verify.totalBytes)}${eta}`;
  }
  if (lastVerify === null) return '';
  const { differingBytes, isDone, reason } = lastVerify;
  if (!isDone) return `, last verify cut short: ${reason}`;
  return differingBytes === 0
    ? ', last verify found no difference'
    : `, last verify: ${formatSize(differingBytes)} differ`;
}
