/**
 * Starting a mirror resource: this node becomes primary of its volume, then the monitor attaches it.
 *
 *   reaching ──► committing ──► promoting ──► attaching ──► started
 *      ▲  term moved  │
 *      └──────────────┘         anything that goes wrong ──► failed
 *
 * `reaching` waits a little for replicas that are heard but not connected yet, because the promotion leaves out of the
 * in-sync set whom it does not reach.
 */
import { assert, unreachable } from '@eterne/base';
import type { DiskState, PromoteRequest, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { ResourceSpec } from '../../ports.ts';
import type { VolumeCommand } from '../../state/commands.ts';
import { AVAILABILITY_LEVEL } from '../../state/levels.ts';
import type { VolumeState } from '../../state/model.ts';
import type { AppendResult, Completion, EffectId, Outbox } from '../effects.ts';
import type { View } from '../view.ts';
import { leaseRemainingMs } from '../view.ts';

type Phase =
  | { readonly kind: 'reaching'; readonly retryAtBootMs: number }
  | { readonly kind: 'committing' | 'promoting' | 'attaching'; readonly id: EffectId };

export type MirrorProgress =
  | { readonly kind: 'busy' }
  | {
      readonly kind: 'started';
      readonly termNumber: number;
      readonly outputs: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The monitor went away: probe again. */
  | { readonly kind: 'lost' };

type PromoteCommand = Extract<VolumeCommand, { kind: 'volume-promote' }>;

const BUSY: MirrorProgress = { kind: 'busy' };

export class MirrorStart {
  readonly #volume: string;
  readonly #resource: ResourceSpec;
  readonly #epoch: number;
  readonly #timeoutMs: number;
  readonly #startedAtBootMs: number;
  #phase: Phase;
  #termNumber = 0;

  constructor(volume: string, resource: ResourceSpec, epoch: number, timeoutMs: number, nowBootMs: number) {
    this.#volume = volume;
    this.#resource = resource;
    this.#epoch = epoch;
    this.#timeoutMs = timeoutMs;
    this.#startedAtBootMs = nowBootMs;
    this.#phase = { kind: 'reaching', retryAtBootMs: nowBootMs };
  }

  step(view: View, outbox: Outbox): MirrorProgress {
    if (this.#phase.kind !== 'reaching') return BUSY;
    const { bootMs, wallMs } = view.now;
    if (bootMs - this.#startedAtBootMs > this.#timeoutMs)
      return { kind: 'failed', reason: this.#waitingFor(view) };
    const problem = view.disk.problems.get(this.#volume);
    if (problem !== undefined) return { kind: 'failed', reason: problem };
    const agreed = view.state.volumes[this.#volume];
    const local = view.disk.volumes?.get(this.#volume);
    if (bootMs < this.#phase.retryAtBootMs || !agreed || !local || local.disk === 'Attaching') return BUSY;
    const isJoined = agreed.spec.joined !== undefined;
    const unfit = isJoined ? undefined : unfitReplica(view, agreed, local);
    if (unfit !== undefined) return { kind: 'failed', reason: unfit };
    const missing = isJoined ? [] : this.#heardButUnconnected(view, agreed, local);
    if (missing.length > 0 && bootMs - this.#startedAtBootMs < view.timing.reachWaitMs) return BUSY;
    const id = outbox.send({
      kind: 'append',
      command: {
        kind: 'volume-promote',
        volume: this.#volume,
        node: view.self,
        group: this.#resource.group,
        epoch: this.#epoch,
        expectedTerm: agreed.term.number,
        ...reachedBy(view, agreed, local),
        seenTerm: seenTerm(view, agreed, local),
        atMs: wallMs,
      },
    });
    this.#phase = { kind: 'committing', id };
    return BUSY;
  }

  done(view: View, outbox: Outbox, id: EffectId, completion: Completion): MirrorProgress {
    if (this.#phase.kind === 'reaching' || this.#phase.id !== id) return BUSY;
    switch (this.#phase.kind) {
      case 'committing':
        assert(completion.of === 'append', 'a promotion is committed by an append');
        return this.#committed(view, outbox, completion.result);
      case 'promoting':
        assert(completion.of === 'plain', 'a promotion is answered plainly');
        if (completion.error) return { kind: 'failed', reason: completion.error.message };
        this.#phase = { kind: 'attaching', id: this.#attach(outbox) };
        return BUSY;
      case 'attaching': {
        assert(completion.of === 'action', 'attaching is an action');
        const { ok, reason, outputs, lost } = completion.result;
        if (ok) return { kind: 'started', termNumber: this.#termNumber, outputs };
        return lost ? { kind: 'lost' } : { kind: 'failed', reason };
      }
      default:
        return unreachable(this.#phase);
    }
  }

  #committed(view: View, outbox: Outbox, result: AppendResult): MirrorProgress {
    if (result.kind === 'applied' && result.refused && result.refused.code !== 'conflict')
      return { kind: 'failed', reason: result.refused.message };
    const agreed = view.state.volumes[this.#volume];
    const group = view.state.groups[this.#resource.group];
    if (!agreed || group?.owner !== view.self || group.epoch !== this.#epoch)
      return { kind: 'failed', reason: `${view.self} does not own ${this.#resource.group} any more` };
    if (result.kind !== 'applied' || result.refused || agreed.primary !== view.self) {
      this.#phase = { kind: 'reaching', retryAtBootMs: view.now.bootMs + view.timing.retryMs };
      return BUSY;
    }
    this.#termNumber = agreed.term.number;
    const id = outbox.send({ kind: 'disk-promote', volume: this.#volume, request: requestFor(agreed) });
    this.#phase = { kind: 'promoting', id };
    return BUSY;
  }

  #attach(outbox: Outbox): EffectId {
    return outbox.send({
      kind: 'monitor-start',
      resource: this.#resource,
      epoch: this.#epoch,
      timeoutMs: this.#timeoutMs,
    });
  }

  #heardButUnconnected(view: View, agreed: VolumeState, local: VolumeStatus): readonly string[] {
    const { reached } = reachedBy(view, agreed, local);
    return agreed.inSyncSet.members.filter(
      (member) => member !== view.self && view.alive?.has(member) && !reached.includes(member),
    );
  }

  #waitingFor(view: View): string {
    if (!view.disk.connected) return 'the disk process does not answer';
    if (leaseRemainingMs(view, this.#resource.group, this.#epoch) < 0) return 'the lease has lapsed';
    return `volume ${this.#volume} is not open on ${view.self}`;
  }
}

/**
 * The log knows who is in sync, but not that a disk was exchanged, its metadata deleted, or its content declared worthless, since. Such a replica
 * has seen no term or is Inconsistent; only a sole member may begin like that, whose first promotion was committed and not carried out. Every promotion makes a term
 * and a version of the set, and whoever comes or goes another version: where there are more versions than terms others were there, and something to lose.
 */
function unfitReplica(view: View, agreed: VolumeState, local: VolumeStatus): string | undefined {
  const { name } = agreed.spec;
  if (local.disk === 'Failed' || local.disk === 'Diskless')
    return `the disk of volume ${name} on ${view.self} is ${local.disk}`;
  const { version, members } = agreed.inSyncSet;
  const isBlank = local.term === 0 || local.disk === 'Inconsistent';
  const wasAlwaysAlone = members.length === 1 && version <= agreed.term.number;
  const mayBeginSo = version === 0 || (local.term === 0 && wasAlwaysAlone);
  if (!isBlank || mayBeginSo) return undefined;
  return `the replica of volume ${name} on ${view.self} is blank, although it should hold every acknowledged write`;
}

/** With an operator's word for one of several shared devices, that one is the set. */
function requestFor({ goesOnWith, inSyncSet, term }: VolumeState): PromoteRequest {
  if (goesOnWith === undefined) return { force: false, granted: { term, set: inSyncSet } };
  return { force: true, granted: { term, set: { ...inSyncSet, members: [goesOnWith] } } };
}

/** Only halves of a pair leave a replica with a higher term than the log knows; before they can be there nothing is said of it. */
function seenTerm({ state }: View, agreed: VolumeState, local: VolumeStatus): number {
  return state.level >= AVAILABILITY_LEVEL && local.term > agreed.term.number ? local.term : 0;
}

const USELESS: readonly DiskState[] = ['Diskless', 'Failed', 'Inconsistent'];

/**
 * This node and its peers that answer, as `volume-promote` names them. A dead peer's connection may look alive for a while, so the heart has to hear the peer
 * as well.
 */
function reachedBy(
  view: View,
  agreed: VolumeState,
  local: VolumeStatus,
): Pick<PromoteCommand, 'reached' | 'lives'> {
  const fresh = agreed.inSyncSet.version === 0;
  const peers = local.peers
    .filter(({ node, connection }) => connection === 'Connected' && view.alive?.has(node))
    .filter(({ disk }) => fresh || !USELESS.includes(disk));
  const reached = [view.self, ...peers.map(({ node }) => node)];
  const lives = peers.flatMap(({ node, life }) => (life === undefined ? [] : [[node, life] as const]));
  return lives.length === 0 ? { reached } : { reached, lives: Object.fromEntries(lives) };
}
