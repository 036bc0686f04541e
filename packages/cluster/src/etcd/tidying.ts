/**
 * Has etcd forget what keys held before: every renewal is a revision, and etcd keeps them all unless somebody says otherwise. Five minutes stay, for whoever
 * else watches this etcd. The leader does it.
 */
import type { EtcdStore } from './store/port.ts';

const INTERVAL_MS = 5 * 60_000;

export class Tidying {
  readonly #store: EtcdStore;
  #mark: { readonly revision: number; readonly atMs: number } | undefined;

  constructor(store: EtcdStore) {
    this.#store = store;
  }

  /** The leader has seen this revision now. */
  seen(revision: number, nowMs: number): void {
    this.#mark ??= { revision, atMs: nowMs };
    if (nowMs - this.#mark.atMs < INTERVAL_MS) return;
    const { revision: old } = this.#mark;
    this.#mark = { revision, atMs: nowMs };
    // Nothing is lost when it fails, or when somebody else has done it: the next one goes further.
    this.#store.compact(old, () => {});
  }
}
