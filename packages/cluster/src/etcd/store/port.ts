/** What the cluster's log needs of etcd: transactions, hints about changes, and a shorter history. All keys are ASCII. */
import type { EterneError } from '@eterne/base';

export interface Compare {
  readonly key: string;
  /** `value`: it is there with these bytes; `revision`: last changed by that revision; `absent`: it is not there. */
  readonly is:
    | { readonly kind: 'absent' }
    | { readonly kind: 'value'; readonly value: Buffer }
    | { readonly kind: 'revision'; readonly revision: number };
}

export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Buffer }
  /** One key, or all from `key` up to and without `end`, in the order of keys. */
  | { readonly kind: 'range'; readonly key: string; readonly end?: string; readonly limit?: number }
  | { readonly kind: 'delete'; readonly key: string; readonly end: string };

export interface KeyValue {
  readonly key: string;
  readonly value: Buffer;
  /** The revision that last changed it. */
  readonly revision: number;
}

export interface TxnAnswer {
  /** All comparisons held, and `success` was done; otherwise `failure` was. */
  readonly succeeded: boolean;
  /** etcd's revision when it was done; rises with every change of anything. */
  readonly revision: number;
  /** The results of the `range` operations, in their order. */
  readonly ranges: readonly (readonly KeyValue[])[];
}

export interface Txn {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export interface EtcdStore {
  /**
   * Done at once or not at all, agreed on by a majority of the etcd servers, also when it only reads. After an error it may have been done, or
   * be done later.
   */
  txn(txn: Txn, timeoutMs: number, done: (result: TxnAnswer | EterneError) => void): void;
  /** `changed` may be called late, too often, or never: a hint, nothing to rest on. Returns the way to stop it. */
  watch(keys: readonly string[], changed: () => void): () => void;
  /** etcd forgets what keys held before `revision`. */
  compact(revision: number, done: (error: EterneError | undefined) => void): void;
  close(): void;
}
