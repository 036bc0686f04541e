/** Transactions between the port's shapes and those of `etcd.proto` as proto-loader knows them (64-bit numbers as numbers: revisions stay below 2^53). */
import type { Compare, KeyValue, Operation, Txn, TxnAnswer } from './port.ts';

interface WireCompare {
  readonly key: Buffer;
  readonly result: 'EQUAL';
  readonly target: 'VERSION' | 'MOD' | 'VALUE';
  readonly version?: number;
  readonly mod_revision?: number;
  readonly value?: Buffer;
}

type WireOperation =
  | { readonly request_put: { readonly key: Buffer; readonly value: Buffer } }
  | { readonly request_range: { readonly key: Buffer; readonly range_end?: Buffer; readonly limit?: number } }
  | { readonly request_delete_range: { readonly key: Buffer; readonly range_end: Buffer } };

export interface WireTxn {
  readonly compare: readonly WireCompare[];
  readonly success: readonly WireOperation[];
  readonly failure: readonly WireOperation[];
}

interface WireKeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly mod_revision: number;
}

export interface WireTxnAnswer {
  readonly header: { readonly revision: number } | null;
  readonly succeeded: boolean;
  readonly responses: readonly {
    readonly response_range?: { readonly kvs: readonly WireKeyValue[] } | null;
  }[];
}

export function encodeTxn({ compare, success, failure }: Txn): WireTxn {
  return {
    compare: compare.map(encodeCompare),
    success: success.map(encodeOperation),
    failure: failure.map(encodeOperation),
  };
}

function encodeCompare({ key: name, is }: Compare): WireCompare {
  const key = Buffer.from(name);
  switch (is.kind) {
    case 'absent':
      return { key, result: 'EQUAL', target: 'VERSION', version: 0 };
    case 'value':
      return { key, result: 'EQUAL', target: 'VALUE', value: is.value };
    case 'revision':
      return { key, result: 'EQUAL', target: 'MOD', mod_revision: is.revision };
  }
}

function encodeOperation(operation: Operation): WireOperation {
  const key = Buffer.from(operation.key);
  switch (operation.kind) {
    case 'put':
      return { request_put: { key, value: operation.value } };
    case 'range':
      return {
        request_range: {
          key,
          ...(operation.end === undefined ? {} : { range_end: Buffer.from(operation.end) }),
          ...(operation.limit === undefined ? {} : { limit: operation.limit }),
        },
      };
    case 'delete':
      return { request_delete_range: { key, range_end: Buffer.from(operation.end) } };
  }
}

export function decodeTxnAnswer({ header, succeeded, responses }: WireTxnAnswer): TxnAnswer {
  return {
    succeeded,
    revision: header?.revision ?? 0,
    ranges: responses.flatMap(({ response_range: range }) => (range ? [range.kvs.map(decodeKeyValue)] : [])),
  };
}

function decodeKeyValue({ key, value, mod_revision: revision }: WireKeyValue): KeyValue {
  return { key: key.toString(), value, revision };
}
