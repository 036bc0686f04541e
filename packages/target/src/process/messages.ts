/**
 * What `eterne target run` and the processes of its targets say to each other over their IPC channel. Both ends are the same version of the
 * same program: the types are the format.
 */
import type { WireError } from '@eterne/disk/process/wire-error.ts';
import type { Address } from '@eterne/runtime';
import type { TargetSpec } from '../config.ts';
import type { ServedStatus } from '../control.ts';

export type ToTargetWorker =
  /** First message, once. `alone`: it has one store, whose hanging stalls nobody but its own initiators. */
  | { readonly kind: 'open'; readonly targets: readonly TargetSpec[]; readonly alone: boolean }
  /** Where initiators reach the targets: for SendTargets. Before the first connection, and once. */
  | { readonly kind: 'portals'; readonly addresses: readonly Address[] }
  /** To be answered at once: is its thread its own? */
  | { readonly kind: 'ping' }
  | { readonly kind: 'status'; readonly id: number }
  /** Initiators are asked to log out, what was written is made durable, stores are released; then the process ends. */
  | { readonly kind: 'close' };

export type FromTargetWorker =
  | { readonly kind: 'opened' }
  /** The process ends after this. */
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'pong' }
  | { readonly kind: 'status'; readonly id: number; readonly status: ServedStatus };

/** Travels with a connection whose target is known from its login. */
export interface LoginNote {
  readonly portal: Address;
  /** Login requests that have been answered; their bytes come again with the others. */
  readonly answered: number;
}
