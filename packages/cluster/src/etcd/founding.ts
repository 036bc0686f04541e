/**
 * Begins an epoch in etcd with a state that was reached elsewhere. Several members may try at once, each with the same state: one transaction decides, and
 * the others find it done. What older epochs left goes in the same transaction.
 */
import { EterneError } from '@eterne/base';
import type { LogIndex } from '../raft/types.ts';
import { decodeEpoch, encodeCount, encodeEpoch, encodeSnapshotRecord, Layout } from './layout.ts';
import { putParts } from './snapshots.ts';
import type { Compare, EtcdStore, KeyValue, Operation } from './store/port.ts';

export interface EpochOrder {
  readonly store: EtcdStore;
  readonly clusterId: string;
  readonly epoch: number;
  readonly timeoutMs: number;
  readonly index: LogIndex;
  /** As `EtcdLog` restores it. */
  readonly data: Buffer;
  /** Unique. */
  readonly name: string;
}

type Done = (error: EterneError | undefined) => void;

/** Done when the epoch is there, whoever has begun it. */
export function beginEpoch(order: EpochOrder, done: Done): void {
  const { store, clusterId, epoch, timeoutMs } = order;
  const layout = new Layout(clusterId, epoch);
  const read: Operation = { kind: 'range', key: layout.epoch };
  store.txn({ compare: [], success: [read], failure: [] }, timeoutMs, (answer) => {
    if (answer instanceof EterneError) return done(answer);
    const [known] = answer.ranges[0] ?? [];
    const present = known && decodeEpoch(known.value).epoch;
    if (present === epoch) return done(undefined);
    if (present !== undefined && present > epoch)
      return done(new EterneError('refused', `etcd holds the newer epoch ${present} of this cluster's log`));
    putParts({ ...order, layout }, (record) => {
      if (record instanceof EterneError) return done(record);
      const success: Operation[] = [
        { kind: 'put', key: layout.epoch, value: encodeEpoch({ epoch, state: 'live' }) },
        { kind: 'put', key: layout.snapshot, value: encodeSnapshotRecord(record) },
        { kind: 'put', key: layout.tip, value: encodeCount(order.index) },
        ...(present === undefined
          ? []
          : [{ kind: 'delete', ...new Layout(clusterId, present).whole } as const]),
      ];
      decide(order, unchanged(layout.epoch, known), success, done);
    });
  });
}

function decide(order: EpochOrder, compare: Compare, success: readonly Operation[], done: Done): void {
  order.store.txn({ compare: [compare], success, failure: [] }, order.timeoutMs, (answer) => {
    if (answer instanceof EterneError) done(answer);
    else if (answer.succeeded) done(undefined);
    else beginEpoch(order, done);
  });
}

function unchanged(key: string, known: KeyValue | undefined): Compare {
  return { key, is: known ? { kind: 'revision', revision: known.revision } : { kind: 'absent' } };
}
