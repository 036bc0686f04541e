/** What the scripted arbiter and the volume hosts say to each other: JSON datagrams, so they are lost, doubled and reordered too. */
import type { InSyncSet, SetAnswer, SetProposal, Term, VolumeStatus } from '@eterne/disk/engine/api.ts';

/** From a host, every `BEAT_MS`: I am alive; also the request for a lease. */
export interface Beat {
  readonly kind: 'beat';
  readonly node: string;
  readonly pid: number;
  readonly sentAtBootMs: number;
  readonly role: VolumeStatus['role'];
  readonly term: number;
}

export interface Propose {
  readonly kind: 'propose';
  readonly node: string;
  readonly pid: number;
  readonly id: number;
  readonly proposal: SetProposal;
}

export type ToArbiter = Beat | Propose;

export type ToHost =
  | { readonly kind: 'lease'; readonly pid: number; readonly term: number; readonly sentAtBootMs: number }
  | {
      readonly kind: 'promote';
      readonly pid: number;
      readonly term: Term;
      readonly set: InSyncSet;
      /** Of the beat that this answers: the first lease runs from there. */
      readonly sentAtBootMs: number;
    }
  | { readonly kind: 'demote'; readonly pid: number; readonly term: number }
  | { readonly kind: 'answer'; readonly pid: number; readonly id: number; readonly answer: SetAnswer };

export const BEAT_MS = 200;
export const LEASE_MS = 650;
export const GRACE_MS = 800;
export const DRIFT_MARGIN_MS = 100;
/** A host that was silent for so long is lost. */
export const LOST_MS = 1_000;

export const ARBITER_ADDRESS = '10.0.0.100:7000';

export function encode(message: ToArbiter | ToHost): Buffer {
  return Buffer.from(JSON.stringify(message));
}

export function decodeToArbiter(payload: Buffer): ToArbiter {
  return JSON.parse(payload.toString()) as ToArbiter;
}

export function decodeToHost(payload: Buffer): ToHost {
  return JSON.parse(payload.toString()) as ToHost;
}
