/** What a node tells the log about itself and the volumes it is primary of, so that every node can show it. */
import { isDeepStrictEqual } from 'node:util';
import type { LocalReplicaStatus, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { Command } from '../state/commands.ts';
import type { DaemonPids, ReplicaReport, VolumeState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import type { EffectId, Outbox } from './effects.ts';
import { diskTroubles, isSeen, ownMember, type View } from './view.ts';

/** A changed state is told after `reportMs` of the profile, changed dirty bytes alone after ten times that. */
const DIRTY_REPORTS = 10;
/** A disk that comes and goes must not fill the log. */
const TROUBLE_INTERVAL_MS = 5000;
/** Of an asynchronous volume that nothing has changed about: it bounds what a take-over may lose. */
const ASYNC_INTERVAL_MS = 10_000;
/** A disk process tells its status once a second; what it said may be so old, with the way here. */
const STATUS_AGE_MS = 2000;

const UNKNOWN_PIDS: DaemonPids = { service: null, monitor: null, heart: null, disk: null };

interface LastReport {
  readonly atBootMs: number;
  readonly pending: EffectId | undefined;
}

export class ReportDuty {
  readonly #last = new Map<string, LastReport>();
  readonly #seenSinceBootMs = new Map<string, number>();

  step(view: View, outbox: Outbox): void {
    this.#reportNode(view, outbox);
    for (const volume of sortedValues(view.state.volumes)) this.#reportVolume(view, outbox, volume);
  }

  done(id: EffectId): void {
    for (const [subject, last] of this.#last)
      if (last.pending === id) this.#last.set(subject, { ...last, pending: undefined });
  }

  #reportNode(view: View, outbox: Outbox): void {
    const member = ownMember(view);
    if (!member) return;
    const { startId } = view;
    // A new life frees what the earlier one ran, for anybody.
    if (member.role === 'node' && member.startId !== startId && !view.monitored) return;
    const level = view.levels.program;
    const pids = view.pids ?? UNKNOWN_PIDS;
    const [sees, troubles] = [this.#cutOff(view), diskTroubles(view)];
    const told = [member.startId, member.level, member.pids, member.sees];
    const isSame = isDeepStrictEqual(told, [startId, level, pids, sees]);
    if (isSame && isDeepStrictEqual(member.diskTroubles, troubles)) return;
    const name = view.self;
    const command: Command = {
      kind: 'node-report',
      name,
      startId,
      pids,
      level,
      sees,
      diskTroubles: troubles,
      atMs: view.now.wallMs,
    };
    this.#send(view, outbox, 'node', isSame ? TROUBLE_INTERVAL_MS : view.timing.reportMs, command);
  }

  /**
   * Nodes that are seen on a disk and not heard. One that dies falls silent there a little later than on the network; so it counts when it goes on like
   * that for another silence.
   */
  #cutOff(view: View): readonly string[] {
    const { alive, now, timing } = view;
    const names = Object.keys(view.state.members).filter(
      (name) => alive?.has(name) === false && isSeen(view, name),
    );
    for (const name of this.#seenSinceBootMs.keys())
      if (!names.includes(name)) this.#seenSinceBootMs.delete(name);
    for (const name of names)
      if (!this.#seenSinceBootMs.has(name)) this.#seenSinceBootMs.set(name, now.bootMs);
    return names
      .filter((name) => now.bootMs - (this.#seenSinceBootMs.get(name) ?? now.bootMs) >= timing.lostAfterMs)
      .toSorted();
  }

  #reportVolume(view: View, outbox: Outbox, volume: VolumeState): void {
    const { name } = volume.spec;
    const local = view.disk.volumes?.get(name);
    if (volume.primary !== view.self || local?.role !== 'primary') return;
    if (volume.spec.joined !== undefined && local.term !== volume.term.number) return;
    const summary = summarise(volume, local, view.self);
    const told = volume.summary.map(({ node, disk, dirtyBytes, lagBytes, lagMs, splitBrain }) => ({
      node,
      disk,
      dirtyBytes,
      lagBytes,
      lagMs,
      splitBrain,
    }));
    if (isDeepStrictEqual(summary, told) && volume.spec.mode === 'sync') return;
    const interval = intervalMs(summary, told, view.timing.reportMs);
    const command: Command = {
      kind: 'volume-report',
      volume: name,
      node: view.self,
      summary,
      atMs: view.now.wallMs,
    };
    this.#send(view, outbox, `volume ${name}`, interval, command);
  }

  #send(view: View, outbox: Outbox, subject: string, intervalMs: number, command: Command): void {
    const last = this.#last.get(subject);
    if (last && (last.pending !== undefined || view.now.bootMs - last.atBootMs < intervalMs)) return;
    const pending = outbox.send({ kind: 'append', command });
    this.#last.set(subject, { atBootMs: view.now.bootMs, pending });
  }
}

/** By a node itself: of one that has everything, what is marked is what others lack. */
export function lackedBytes({ disk, dirtyBytes }: VolumeStatus): number {
  return disk === 'UpToDate' ? 0 : dirtyBytes;
}

function summarise(volume: VolumeState, local: VolumeStatus, self: string): readonly ReplicaReport[] {
  if (volume.spec.joined !== undefined) return (local.localReplicas ?? []).map(deviceReport);
  return volume.spec.replicas.map(({ node }) => {
    const nothing = { node, lagBytes: null, lagMs: null, splitBrain: false };
    if (node === self) return { ...nothing, disk: local.disk, dirtyBytes: lackedBytes(local) };
    const peer = local.peers.find((candidate) => candidate.node === node);
    if (!peer) return { ...nothing, disk: 'Unknown', dirtyBytes: 0 };
    const { dirtyBytes } = peer;
    if (peer.connection !== 'Connected')
      return { ...nothing, disk: 'Unknown', dirtyBytes, splitBrain: peer.splitBrain };
    const report = { ...nothing, disk: peer.disk, dirtyBytes };
    // Blocks that are marked are not on their way: nobody counts how old they are.
    const isFollowing = peer.replication === 'Established' && dirtyBytes === 0;
    if (volume.spec.mode === 'sync' || !isFollowing) return report;
    return { ...report, lagBytes: peer.lagBytes, lagMs: peer.lagMs + STATUS_AGE_MS };
  });
}

function deviceReport({ name, disk, dirtyBytes, splitBrain }: LocalReplicaStatus): ReplicaReport {
  return { node: name, disk, dirtyBytes, lagBytes: null, lagMs: null, splitBrain };
}

function intervalMs(now: readonly ReplicaReport[], told: readonly ReplicaReport[], reportMs: number): number {
  if (isDeepStrictEqual(now, told)) return ASYNC_INTERVAL_MS;
  const isSame =
    now.length === told.length &&
    now.every(
      ({ disk, splitBrain }, index) => disk === told[index]?.disk && splitBrain === told[index].splitBrain,
    );
  return isSame ? DIRTY_REPORTS * reportMs : reportMs;
}
