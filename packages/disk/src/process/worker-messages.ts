/**
 * What the supervisor and a volume's worker say to each other over their IPC channel. Both ends are the same version of the same program:
 * the types are the format.
 */
import type { Address, TlsIdentity } from '@eterne/runtime';
import type {
  AttachRequest,
  Grant,
  Others,
  PromoteRequest,
  SetAnswer,
  SetProposal,
  VerifyRequest,
  VolumeConfig,
  VolumeStatus,
} from '../engine/api.ts';
import type { MemberSpec } from './config.ts';
import type { ExportSpec } from './port.ts';
import type { Channel } from './preface.ts';
import type { WireError } from './wire-error.ts';

/** Who settles the loss and return of replicas: local policy, or the cluster by way of the supervisor. */
export type ArbiterKind = 'local' | 'cluster';

export interface Lease {
  readonly validUntilBootMs: number;
  readonly graceMs: number;
}

/** What can be asked of an open volume; each is answered once. */
export type VolumeCall =
  | { readonly verb: 'promote'; readonly request: PromoteRequest }
  | { readonly verb: 'demote' }
  | { readonly verb: 'connect'; readonly peer: string }
  | { readonly verb: 'disconnect'; readonly peer: string }
  | { readonly verb: 'resolve'; readonly peer: string | undefined; readonly discard: 'local' | 'remote' }
  | { readonly verb: 'verify'; readonly request: VerifyRequest }
  | { readonly verb: 'resync'; readonly peer?: string }
  | { readonly verb: 'invalidate' }
  /** The other replicas from now on; `conflict` where a front end is bound to those it was opened with. */
  | { readonly verb: 'set-peers'; readonly others: Others }
  /** `name`: the volume that is to have this size; of a mirror set one of its volumes. */
  | { readonly verb: 'resize'; readonly name: string; readonly sizeBytes: number }
  | { readonly verb: 'rescue'; readonly action: RescueAction }
  /** Answers `SplitBrainReport[]`. */
  | { readonly verb: 'explain-split-brain' }
  | { readonly verb: 'attach'; readonly request: AttachRequest }
  | { readonly verb: 'detach' }
  /** Only to have a fresh status sent before the answer. */
  | { readonly verb: 'refresh' }
  /** Clean end: after the answer the worker exits. */
  | { readonly verb: 'close' };

/** What an operator may ask of one replica, whoever decides about roles. */
export type ReplicaCall = Exclude<
  VolumeCall,
  { readonly verb: 'promote' | 'demote' | 'set-peers' | 'close' }
>;

export type RescueAction =
  /** Answers `PointStatus[]`. */
  | { readonly kind: 'list' }
  /** `name`: of one volume of a mirror set, absent: of everything; `id` absent: the newest point that is kept. */
  | { readonly kind: 'export'; readonly name?: string; readonly id?: number; readonly path: string }
  | { readonly kind: 'drop'; readonly id: number };

export type ToWorker =
  /** First message, once. */
  | {
      readonly kind: 'open';
      readonly config: VolumeConfig;
      readonly exports: readonly ExportSpec[];
      /** Of a mirror set, in the order of `config.members`. */
      readonly members?: readonly MemberSpec[];
      readonly arbiter: ArbiterKind;
      /** `Arbiter.committed`, of a cluster. */
      readonly committed: Grant | undefined;
      /** Of this node, for links with peers. */
      readonly tls?: TlsIdentity;
    }
  | { readonly kind: 'call'; readonly id: number; readonly call: VolumeCall }
  | { readonly kind: 'lease'; readonly lease: Lease }
  /** To be answered at once: is its thread its own? */
  | { readonly kind: 'ping' }
  | { readonly kind: 'verdict'; readonly id: number; readonly answer: SetAnswer };

/** Travels with a replication connection whose preface has been read. */
export interface StreamNote {
  /** As the preface says: a mirror set by its own name for its mirror, by a volume's for front ends. */
  readonly volume: string;
  readonly fromNode: string;
  readonly channel: Channel;
}

export type FromWorker =
  | {
      readonly kind: 'opened';
      readonly listening: readonly Address[];
      readonly statuses: readonly VolumeStatus[];
    }
  /** The worker exits after this. */
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'answer'; readonly id: number; readonly error?: WireError; readonly result?: unknown }
  /** Sent before the answer of every call that changed it. */
  | { readonly kind: 'status'; readonly statuses: readonly VolumeStatus[] }
  | { readonly kind: 'pong' }
  | { readonly kind: 'proposal'; readonly id: number; readonly proposal: SetProposal };
