/**
 * What goes into the core and what comes out. Effects with an `id` are answered by one event `done` with the same id;
 * whoever sent it remembers the id, and an answer that nobody waits for any more is ignored.
 */
import type { DropCounts } from '../heart/drops.ts';
import type { EterneError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import type { Grant, PromoteRequest, SetAnswer, SetProposal, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { VolumeSpec } from '@eterne/disk/process/config.ts';
import type { FenceOrder, FenceResult } from '../fencing/order.ts';
import type {
  ActionResult,
  DrillOrder,
  LeaseGrant,
  LeaseRequest,
  PathStatus,
  ResourceReport,
  ResourceSpec,
  ResourceState,
  WatchdogReport,
  WatchOrder,
} from '../ports.ts';
import type { Command } from '../state/commands.ts';
import type { DaemonPids, FenceDevice, WatchdogSpec } from '../state/model.ts';
import type { Refusal } from '../state/outcome.ts';
import type { Trouble } from '../state/watch.ts';

export type EffectId = number;
/** Names one question of the disk process. */
export type ProposalId = number;

export type Request =
  | { readonly kind: 'append'; readonly command: Command }
  | { readonly kind: 'disk-ensure'; readonly spec: VolumeSpec; readonly committed: Grant | undefined }
  | { readonly kind: 'disk-remove'; readonly volume: string }
  | { readonly kind: 'disk-promote'; readonly volume: string; readonly request: PromoteRequest }
  | { readonly kind: 'disk-demote'; readonly volume: string }
  /** `volume`: or the part that grows, by its full name. */
  | { readonly kind: 'disk-resize'; readonly volume: string; readonly sizeBytes: number }
  | {
      readonly kind: 'monitor-start';
      readonly resource: ResourceSpec;
      readonly epoch: number;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'monitor-stop'; readonly resource: ResourceSpec; readonly timeoutMs: number }
  | { readonly kind: 'monitor-probe'; readonly resource: ResourceSpec }
  | { readonly kind: 'monitor-find'; readonly resource: ResourceSpec; readonly timeoutMs: number }
  | { readonly kind: 'monitor-kill'; readonly group: string }
  | { readonly kind: 'monitor-fence'; readonly order: FenceOrder }
  | { readonly kind: 'monitor-check-fence'; readonly device: FenceDevice }
  | { readonly kind: 'monitor-drill'; readonly order: DrillOrder }
  | { readonly kind: 'monitor-watch'; readonly order: WatchOrder };

export type Effect =
  | (Request & { readonly id: EffectId })
  | { readonly kind: 'heart-watchdog'; readonly spec: WatchdogSpec | null }
  /** Where this node's disk process lets peers in. */
  | { readonly kind: 'disk-listen'; readonly addresses: readonly Address[] }
  | { readonly kind: 'grant'; readonly grant: LeaseGrant }
  | { readonly kind: 'answer'; readonly proposal: ProposalId; readonly answer: SetAnswer };

export type AppendResult =
  /** Applied here; `refused` when the state did not take it. */
  | { readonly kind: 'applied'; readonly refused: Refusal | undefined }
  /** Not in the log now. `unknown`: it may still get there. */
  | { readonly kind: 'refused' | 'unknown'; readonly error: EterneError };

export type Completion =
  | { readonly of: 'append'; readonly result: AppendResult }
  | { readonly of: 'action'; readonly result: ActionResult }
  | { readonly of: 'probe'; readonly state: ResourceState }
  | { readonly of: 'find'; readonly isHere: boolean | undefined }
  | { readonly of: 'fence'; readonly result: FenceResult }
  /** What keeps the device from being used; undefined: nothing. */
  | { readonly of: 'fence-check'; readonly trouble: string | undefined }
  | { readonly of: 'count'; readonly records: number | EterneError }
  | { readonly of: 'plain'; readonly error: EterneError | undefined };

export interface LeadershipView {
  readonly leader: string | undefined;
  readonly isLeader: boolean;
  readonly raftTerm: number;
  readonly authorityUntilBootMs: number;
  readonly quorate: boolean;
}

export type LeaseTable = ReadonlyMap<string, { readonly epoch: number; readonly validUntilBootMs: number }>;

export type CoreEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'leadership' }
  /** Everything committed before this start is applied: duties may begin. */
  | { readonly kind: 'caught-up' }
  | {
      readonly kind: 'liveness';
      readonly alive: ReadonlySet<string>;
      readonly paths: readonly PathStatus[];
      readonly dropped: DropCounts;
    }
  | { readonly kind: 'leases'; readonly leases: LeaseTable }
  | { readonly kind: 'watchdog'; readonly report: WatchdogReport }
  | { readonly kind: 'lease-request'; readonly request: LeaseRequest }
  | { readonly kind: 'disk-connected' }
  | { readonly kind: 'disk-gone' }
  | { readonly kind: 'disk-status'; readonly volumes: readonly VolumeStatus[] }
  | { readonly kind: 'proposal'; readonly id: ProposalId; readonly proposal: SetProposal }
  | { readonly kind: 'reports'; readonly reports: readonly ResourceReport[] }
  /** Everything of this node that is not well now. */
  | { readonly kind: 'troubles'; readonly troubles: readonly Trouble[] }
  | { readonly kind: 'pids'; readonly pids: DaemonPids }
  | { readonly kind: 'leave'; readonly comesBack: boolean }
  | { readonly kind: 'done'; readonly id: EffectId; readonly completion: Completion };

/** What time it is where the core runs. */
export interface Now {
  readonly bootMs: number;
  readonly wallMs: number;
}

/** Collects what a step wants done, in order. */
export class Outbox {
  #effects: Effect[] = [];
  #lastId: EffectId = 0;

  send(request: Request): EffectId {
    this.#lastId += 1;
    this.#effects.push({ ...request, id: this.#lastId });
    return this.#lastId;
  }

  watchdog(spec: WatchdogSpec | null): void {
    this.#effects.push({ kind: 'heart-watchdog', spec });
  }

  diskListen(addresses: readonly Address[]): void {
    this.#effects.push({ kind: 'disk-listen', addresses });
  }

  grant(grant: LeaseGrant): void {
    this.#effects.push({ kind: 'grant', grant });
  }

  answer(proposal: ProposalId, answer: SetAnswer): void {
    this.#effects.push({ kind: 'answer', proposal, answer });
  }

  take(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
