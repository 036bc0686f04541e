/**
 * Snapshots in etcd. The parts are put first, under a name of their own; then one transaction names them and takes away the entries they replace
 * and all older parts. Who dies on the way leaves parts that the next snapshot takes away.
 */
import { crc32c, EterneError } from '@eterne/base';
import type { LogIndex } from '../raft/types.ts';
import type { Layout, SnapshotRecord } from './layout.ts';
import { decodeSnapshotRecord, describeSnapshot, encodeSnapshotRecord, PART_BYTES } from './layout.ts';
import type { Compare, EtcdStore, Operation } from './store/port.ts';

type Done = (error: EterneError | undefined) => void;

export interface SnapshotOrder {
  readonly store: EtcdStore;
  readonly layout: Layout;
  readonly timeoutMs: number;
  /** Holds as long as it is ours to write. */
  readonly guard: readonly Compare[];
  readonly index: LogIndex;
  readonly name: string;
  readonly data: Buffer;
}

/** Puts the parts; calls back with what names them. */
export function putParts(
  order: Omit<SnapshotOrder, 'guard'>,
  done: (result: SnapshotRecord | EterneError) => void,
): void {
  const { store, layout, timeoutMs, index, name, data } = order;
  const record = describeSnapshot(index, name, data);
  const next = (part: number): void => {
    if (part === record.parts) return done(record);
    const value = data.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
    const put: Operation = { kind: 'put', key: layout.part(index, name, part), value };
    store.txn({ compare: [], success: [put], failure: [] }, timeoutMs, (answer) => {
      if (answer instanceof EterneError) return done(answer);
      next(part + 1);
    });
  };
  next(0);
}

/**
 * `keep`: so many entries before it stay, for members that lag a little. The record is replaced only if it is still the one that was read here: a transaction that
 * is done late must not bring an older snapshot back, for the entries after it are gone.
 */
export function writeSnapshot(order: SnapshotOrder, keep: number, done: Done): void {
  const { store, layout, timeoutMs, guard, index } = order;
  const read: Operation = { kind: 'range', key: layout.snapshot };
  store.txn({ compare: [], success: [read], failure: [] }, timeoutMs, (present) => {
    if (present instanceof EterneError) return done(present);
    const [known] = present.ranges[0] ?? [];
    if (!known || decodeSnapshotRecord(known.value).index >= index) return done(replaced());
    putParts(order, (record) => {
      if (record instanceof EterneError) return done(record);
      const success: Operation[] = [
        { kind: 'put', key: layout.snapshot, value: encodeSnapshotRecord(record) },
        { kind: 'delete', key: layout.part(0), end: layout.part(index) },
        { kind: 'delete', key: layout.entry(0), end: layout.entry(Math.max(0, index - keep) + 1) },
      ];
      const same: Compare = { key: layout.snapshot, is: { kind: 'revision', revision: known.revision } };
      store.txn({ compare: [...guard, same], success, failure: [] }, timeoutMs, (answer) => {
        if (answer instanceof EterneError) return done(answer);
        done(answer.succeeded ? undefined : replaced());
      });
    });
  });
}

function replaced(): EterneError {
  return new EterneError('conflict', 'another snapshot of the log in etcd, or another leader, came first');
}

/** Parts of a snapshot that has been replaced meanwhile are gone: `conflict`, and the newer one is there. */
export function readSnapshot(
  { store, layout, timeoutMs }: Pick<SnapshotOrder, 'store' | 'layout' | 'timeoutMs'>,
  done: (result: { readonly index: LogIndex; readonly data: Buffer } | EterneError) => void,
): void {
  const read = (key: string, use: (value: Buffer) => void): void =>
    store.txn({ compare: [], success: [{ kind: 'range', key }], failure: [] }, timeoutMs, (answer) => {
      if (answer instanceof EterneError) return done(answer);
      const value = answer.ranges[0]?.[0]?.value;
      if (value === undefined) return done(new EterneError('conflict', `etcd has no ${key}`));
      use(value);
    });
  read(layout.snapshot, (value) => {
    const record = decodeSnapshotRecord(value);
    const parts: Buffer[] = [];
    const next = (part: number): void => {
      if (part === record.parts) return done(joined(record, parts));
      read(layout.part(record.index, record.name, part), (bytes) => {
        parts.push(bytes);
        next(part + 1);
      });
    };
    next(0);
  });
}

function joined(
  record: SnapshotRecord,
  parts: readonly Buffer[],
): { readonly index: LogIndex; readonly data: Buffer } | EterneError {
  const data = Buffer.concat(parts);
  if (data.length !== record.bytes || crc32c(data) !== record.crc)
    return new EterneError('corrupt', `the snapshot at ${record.index} in etcd is damaged`);
  return { index: record.index, data };
}
