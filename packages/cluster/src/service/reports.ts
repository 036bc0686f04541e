/** What a node tells the log about itself and the volumes it is primary of, so that every node can show it. */
import { isDeepStrictEqual } from 'node:util';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { Command } from '../state/commands.ts';
import type { DaemonPids, ReplicaSummary, VolumeState } from '../state/model.ts';
import { sortedValues } from '../state/model.ts';
import type { EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

/** A changed state is told after this, changed dirty bytes alone after `DIRTY_INTERVAL_MS`. */
const STATE_INTERVAL_MS = 200;
const DIRTY_INTERVAL_MS = 2000;

const UNKNOWN_PIDS: DaemonPids = { service: null, monitor: null, heart: null, disk: null };

interface LastReport {
  readonly atBootMs: number;
  readonly pending: EffectId | undefined;
}

export class ReportDuty {
  readonly #last = new Map<string, LastReport>();

  step(view: View, outbox: Outbox): void {
    this.#reportNode(view, outbox);
    for (const volume of sortedValues(view.state.volumes)) this.#reportVolume(view, outbox, volume);
  }

  done(id: EffectId): void {
    for (const [subject, last] of this.#last)
      if (last.pending === id) this.#last.set(subject, { ...last, pending: undefined });
  }

  #reportNode(view: View, outbox: Outbox): void {
    const member = view.state.members[view.self];
    if (!member) return;
    const { startId } = view;
    const pids = view.pids ?? UNKNOWN_PIDS;
    if (member.startId === startId && isDeepStrictEqual(member.pids, pids)) return;
    const command: Command = { kind: 'node-report', name: view.self, startId, pids, atMs: view.now.wallMs };
    this.#send(view, outbox, 'node', STATE_INTERVAL_MS, command);
  }

  #reportVolume(view: View, outbox: Outbox, volume: VolumeState): void {
    const { name } = volume.spec;
    const local = view.disk.volumes?.get(name);
    if (volume.primary !== view.self || local?.role !== 'primary') return;
    const summary = summarise(volume, local, view.self);
    if (isDeepStrictEqual(summary, volume.summary)) return;
    const interval = sameStates(summary, volume.summary) ? DIRTY_INTERVAL_MS : STATE_INTERVAL_MS;
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

function summarise(volume: VolumeState, local: VolumeStatus, self: string): readonly ReplicaSummary[] {
  return volume.spec.replicas.map(({ node }) => {
    if (node === self) return { node, disk: local.disk, dirtyBytes: local.dirtyBytes };
    const peer = local.peers.find((candidate) => candidate.node === node);
    if (!peer) return { node, disk: 'Unknown', dirtyBytes: 0 };
    return {
      node,
      disk: peer.connection === 'Connected' ? peer.disk : 'Unknown',
      dirtyBytes: peer.dirtyBytes,
    };
  });
}

function sameStates(a: readonly ReplicaSummary[], b: readonly ReplicaSummary[]): boolean {
  return a.length === b.length && a.every(({ disk }, index) => disk === b[index]?.disk);
}
