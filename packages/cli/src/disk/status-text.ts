/** `eterne disk status` for people. */
import { formatSize } from '@eterne/base';
import type { LocalReplicaStatus, PeerStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { DiskStatus } from './control.ts';
import { progressOf, progressText } from './progress.ts';

export function statusText({ node, volumes }: DiskStatus): string {
  return [`node ${node}`, ...volumes.flatMap(volumeLines)].map((line) => `${line}\n`).join('');
}

/** Of one replica: itself, and a line for each of its links. */
export function volumeLines(volume: VolumeStatus): readonly string[] {
  const { name, sizeBytes, mode, role, disk, term, inSyncSet, mirrorSet } = volume;
  const set = mirrorSet === undefined ? '' : ` of mirror set ${mirrorSet}`;
  const frozen = volume.frozen ? `, FROZEN: ${volume.freezeReason ?? 'unknown reason'}` : '';
  const held = volume.heldWrites > 0 ? `, ${volume.heldWrites} writes held` : '';
  const errors = volume.ioErrors > 0 ? `, ${volume.ioErrors} I/O errors` : '';
  const { rescueProblem } = volume;
  return [
    `  ${name}${set}  ${formatSize(sizeBytes)} ${mode}  ${role} ${disk}  term ${term}  in sync: ${inSyncSet.join(' ')}${frozen}${held}${errors}`,
    ...(rescueProblem === undefined ? [] : [`    RESCUE JOURNAL LOST: ${rescueProblem}`]),
    ...volume.peers.map(peerLine),
    ...(volume.localReplicas ?? []).map(deviceLine),
  ];
}

function deviceLine(replica: LocalReplicaStatus): string {
  const { name, device, isSource, disk, problem, dirtyBytes } = replica;
  const dirty = dirtyBytes > 0 ? `, ${formatSize(dirtyBytes)} differ` : '';
  const split = replica.splitBrain ? ', SPLIT BRAIN' : '';
  const progress = progressOf(replica);
  const under = progress === undefined ? '' : `, ${progressText(progress)}`;
  const why = problem === null ? '' : `: ${problem}`;
  const source = isSource ? ' source' : '';
  return `    ${name}  ${device}  ${disk}${source}${dirty}${under}${verifyText(replica)}${split}${why}`;
}

function peerLine(peer: PeerStatus): string {
  const { node, connection, replication, disk, role, dirtyBytes } = peer;
  const dirty = dirtyBytes > 0 ? `, ${formatSize(dirtyBytes)} differ` : '';
  const split = peer.splitBrain ? ', SPLIT BRAIN' : '';
  const paused = peer.paused === undefined ? '' : `, paused: ${peer.paused.reason} (${peer.paused.goesOn})`;
  const progress = progressOf(peer);
  const under = progress === undefined ? '' : `, ${progressText(progress)}`;
  return `    ${node}  ${connection} ${replication}  ${role} ${disk}${dirty}${under}${verifyText(peer)}${split}${paused}`;
}

function verifyText({ verify, lastVerify }: Pick<PeerStatus, 'verify' | 'lastVerify'>): string {
  if (verify !== null || lastVerify === null) return '';
  const { differingBytes, isDone, reason } = lastVerify;
  if (!isDone) return `, last verify cut short: ${reason}`;
  return differingBytes === 0
    ? ', last verify found no difference'
    : `, last verify: ${formatSize(differingBytes)} differ`;
}
