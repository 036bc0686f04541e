/**
 * `DiskPort` over a `JsonLink`, which is opened by `Upgrade: eterne-disk/1` on the control socket.
 * ```
 *   client → disk   call  ensure-volume {spec: {config, exports, members?}, committed?} · remove-volume {name} · promote {name, request} · demote {name}
 *                        ask {name, call}
 *                   note  lease {name, lease} · arbitrate · verdict {id, answer}
 *   disk → client   note  status {volumes} · proposal {id, proposal}
 * ```
 * Proposals go to the client that last sent `arbitrate`. When that one goes they are kept, and put again to the next: an arbiter
 * must know a proposal that it has already committed and answer it the same.
 * Both ends are of one node and one version: after an upgrade all its daemons are started again.
 */
import type { Address } from '@eterne/runtime';
import type { Grant, PromoteRequest, SetAnswer, SetProposal, VolumeStatus } from '../engine/api.ts';
import type { VolumeSpec } from './config.ts';
import type { Lease, ReplicaCall } from './worker-messages.ts';

export const DISK_PORT_PROTOCOL = 'eterne-disk/1';

/** Bodies of what a client sends; `port-schemas.ts` checks them on arrival. */
export interface ClientBodies {
  'ensure-volume': { readonly spec: VolumeSpec; readonly committed?: Grant | undefined };
  'remove-volume': { readonly name: string };
  promote: { readonly name: string; readonly request: PromoteRequest };
  demote: { readonly name: string };
  ask: { readonly name: string; readonly call: ReplicaCall };
  lease: { readonly name: string; readonly lease: Lease };
  listen: { readonly addresses: readonly Address[] };
  arbitrate: Record<string, never>;
  verdict: { readonly id: number; readonly answer: SetAnswer };
}

export interface StatusNote {
  readonly volumes: readonly VolumeStatus[];
}

export interface ProposalNote {
  readonly id: number;
  readonly proposal: SetProposal;
}
