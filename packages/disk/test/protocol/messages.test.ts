import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import { NIL_UUID } from '../../src/metadata/api.ts';
import * as fc from 'fast-check';
import type { Hello } from '../../src/protocol/messages/hello.ts';
import { decodeAcks } from '../../src/protocol/messages/acks.ts';
import { decodeBitmap } from '../../src/protocol/messages/bitmap.ts';
import { decodeBye, encodeBye } from '../../src/protocol/messages/bye.ts';
import { decodeFetch, decodeFetched } from '../../src/protocol/messages/fetch.ts';
import { decodeHello, encodeHello } from '../../src/protocol/messages/hello.ts';
import { decodeNumber, encodeNumber } from '../../src/protocol/messages/number.ts';
import { decodeRead, decodeReadReply } from '../../src/protocol/messages/read.ts';
import { decodeResyncBegin, decodeResyncNames } from '../../src/protocol/messages/resync-names.ts';
import {
  decodeResyncClear,
  decodeResyncData,
  decodeResyncRequest,
} from '../../src/protocol/messages/resync.ts';
import { decodeSplitReport, encodeSplitReport } from '../../src/protocol/messages/split-report.ts';
import {
  decodeResize,
  decodeResized,
  encodeResize,
  encodeResized,
} from '../../src/protocol/messages/resize.ts';
import { decodeState, encodeState } from '../../src/protocol/messages/state.ts';
import {
  decodeVerifyData,
  decodeVerifyEnd,
  decodeVerifyRequest,
  decodeVerifyResult,
  encodeVerifyEnd,
  encodeVerifyRequest,
} from '../../src/protocol/messages/verify.ts';
import { decodeWrite, decodeZero } from '../../src/protocol/messages/write.ts';

const SIZE_BYTES = 1 << 20;

const DECODERS: Record<string, (body: Buffer) => unknown> = {
  acks: (body) => decodeAcks(body, () => {}),
  bitmap: (body) => decodeBitmap(body, SIZE_BYTES / 4096, (first, count) => assert.ok(first + count <= 256)),
  bye: decodeBye,
  fetch: (body) => decodeFetch(body, SIZE_BYTES),
  fetched: decodeFetched,
  hello: decodeHello,
  number: decodeNumber,
  read: (body) => decodeRead(body, SIZE_BYTES),
  readReply: decodeReadReply,
  resyncBegin: decodeResyncBegin,
  resyncNames: decodeResyncNames,
  resyncRequest: (body) => decodeResyncRequest(body, SIZE_BYTES),
  resyncData: (body) => decodeResyncData(body, SIZE_BYTES),
  resyncClear: (body) => decodeResyncClear(body, SIZE_BYTES),
  resize: decodeResize,
  resized: decodeResized,
  splitReport: decodeSplitReport,
  state: decodeState,
  verifyRequest: decodeVerifyRequest,
  verifyData: (body) => decodeVerifyData(body, SIZE_BYTES),
  verifyResult: (body) => decodeVerifyResult(body, SIZE_BYTES),
  verifyEnd: decodeVerifyEnd,
  write: (body) => {
    const { offset, lengthBytes } = decodeWrite(body, SIZE_BYTES);
    assert.ok(offset >= 0 && lengthBytes > 0 && offset + lengthBytes <= SIZE_BYTES);
  },
  zero: (body) => {
    const { offset, lengthBytes } = decodeZero(body, SIZE_BYTES);
    assert.ok(offset >= 0 && lengthBytes > 0 && offset + lengthBytes <= SIZE_BYTES);
  },
};

const HELLO: Hello = {
  volume: 'v0',
  toNode: 'b',
  summary: {
    node: 'a',
    sizeBytes: SIZE_BYTES,
    volumeUuid: '11111111-1111-4111-8111-111111111111',
    replicaUuid: '22222222-2222-4222-8222-222222222222',
    setLayout: NIL_UUID,
    term: { number: 7, grantor: 'cluster' },
    set: { version: 9, members: ['a', 'b'] },
    incarnation: 3,
    formerIncarnations: [],
    witnessedIncarnation: 2,
    diskState: 'UpToDate',
    role: 'primary',
    justCreated: false,
    crashedPrimary: true,
    generations: {
      current: '33333333-3333-4333-8333-333333333333',
      bitmaps: { b: '44444444-4444-4444-8444-444444444444' },
      history: ['55555555-5555-4555-8555-555555555555'],
    },
    undoneSync: '66666666-6666-4666-8666-666666666666',
    dirtyBlocks: 12,
    skipInitialSync: false,
    splitBrain: {
      actions: {
        zeroPrimaries: 'disconnect',
        onePrimary: 'discard-local',
        twoPrimaries: 'discard-least-changes',
      },
      promotedAtWallMs: 1_795_000_000_000,
      discards: 'b',
    },
  },
  follows: 'c',
  waitsWhenLost: true,
};

describe('messages', () => {
  test('SPLIT_REPORT survives the trip at its largest, and fits its frame', () => {
    const report = {
      node: 'n'.repeat(63),
      changedBytes: 5,
      extents: Array.from({ length: 400 }, (_, index) => ({ offset: index, lengthBytes: 4096 })),
      extentCount: 100_000,
      fileSystem: 'xfs',
      files: Array.from({ length: 160 }, (_, index) => ({ path: 'p'.repeat(255), changedBytes: index })),
      fileCount: 2000,
      otherBytes: 7,
      note: 'n'.repeat(255),
    } as const;
    const body = encodeSplitReport(report);
    assert.deepEqual(decodeSplitReport(body), report);
    assert.ok(body.length <= 64 * 1024);
  });

  test('HELLO and STATE survive the trip', () => {
    assert.deepEqual(decodeHello(encodeHello(HELLO)), { version: 4, ...HELLO });
    const state = {
      id: 3,
      term: { number: 7, grantor: 'cluster' },
      set: { version: 9, members: ['a', 'b'] },
      role: 'primary',
      diskState: 'UpToDate',
      volumeUuid: HELLO.summary.volumeUuid,
      current: HELLO.summary.generations.current,
      equal: ['c'],
    } as const;
    assert.deepEqual(decodeState(encodeState(state)), state);
    assert.equal(decodeNumber(encodeNumber(2 ** 40 + 5)), 2 ** 40 + 5);
    assert.equal(decodeBye(encodeBye('going down')), 'going down');
  });

  test('the frames of a verify survive the trip, and a long reason is cut', () => {
    const request = { job: 'repair', repair: true } as const;
    assert.deepEqual(decodeVerifyRequest(encodeVerifyRequest(request)), request);
    const end = {
      job: 'digest',
      isDone: false,
      checkedBytes: 2 ** 45,
      differingBytes: 4096,
      wireBytes: 12,
      current: HELLO.summary.generations.current,
      reason: 'the connection was lost',
    } as const;
    assert.deepEqual(decodeVerifyEnd(encodeVerifyEnd(end)), end);
    const long = decodeVerifyEnd(encodeVerifyEnd({ ...end, reason: 'é'.repeat(400) }));
    assert.ok(long.reason.startsWith('éééé') && long.reason.length < 200);
  });

  test('a difference outside the range that was compared is refused', () => {
    const body = Buffer.alloc(28);
    body.writeUInt32LE(8192, 8);
    body.writeUInt32LE(4096, 16);
    body.writeUInt32LE(4096, 24);
    assert.equal(decodeVerifyResult(body, SIZE_BYTES).differing.length, 1);
    body.writeUInt32LE(8192, 24);
    assert.throws(() => decodeVerifyResult(body, SIZE_BYTES), { code: 'protocol' });
  });

  test('a longest HELLO fits its cap', () => {
    const name = (index: number): string => `${index}`.padStart(63, 'n');
    const uuid = HELLO.summary.volumeUuid;
    const members = Array.from({ length: 33 }, (_, index) => name(index));
    const generations = {
      current: uuid,
      bitmaps: Object.fromEntries(members.slice(0, 32).map((member) => [member, uuid])),
      history: Array.from({ length: 32 }, () => uuid),
    };
    const summary = { ...HELLO.summary, set: { version: 1, members }, generations };
    const bytes = encodeHello({ ...HELLO, summary });
    assert.ok(bytes.length < 64 * 1024);
    assert.deepEqual(decodeHello(bytes).summary, summary);
  });

  test('another version is refused by name', () => {
    const bytes = encodeHello(HELLO);
    bytes.writeUInt16LE(5, 0);
    bytes.writeUInt16LE(6, 2);
    assert.throws(() => decodeHello(bytes), { code: 'unsupported' });
  });

  test('only who speaks version 4 can read a HELLO that says lives, of a mirror set or not', () => {
    const lives = {
      own: '77777777-7777-4777-8777-777777777777',
      peer: '88888888-8888-4888-8888-888888888888',
    };
    for (const setLayout of [NIL_UUID, '99999999-9999-4999-8999-999999999999']) {
      const hello = { ...HELLO, summary: { ...HELLO.summary, setLayout }, lives };
      const bytes = encodeHello(hello);
      assert.equal(bytes.readUInt16LE(0), 4);
      assert.deepEqual(decodeHello(bytes), { version: 4, ...hello });
    }
  });

  test('the newest version that both sides speak counts', () => {
    const bytes = encodeHello(HELLO);
    bytes.writeUInt16LE(9, 2);
    assert.equal(decodeHello(bytes).version, 4);
    bytes.writeUInt16LE(2, 2);
    assert.equal(decodeHello(bytes).version, 2);
    bytes.writeUInt16LE(1, 2);
    assert.equal(decodeHello(bytes).version, 1);
  });

  test('RESIZE and RESIZED survive the trip; a size that no volume has is refused', () => {
    const step = { step: 'commit', sizeBytes: 8192 } as const;
    assert.deepEqual(decodeResize(encodeResize(step)), step);
    const answer = { ...step, problem: 'no room' };
    assert.deepEqual(decodeResized(encodeResized(answer)), answer);
    for (const sizeBytes of [0, 512, 2 ** 52])
      assert.throws(() => decodeResize(encodeResize({ ...step, sizeBytes })), { code: 'protocol' });
  });

  test('what does not fit a FETCH or a FETCHED is refused', () => {
    const fetch = (offset: number, lengthBytes: number): unknown => {
      const body = Buffer.alloc(20);
      body.writeUInt32LE(offset, 8);
      body.writeUInt32LE(lengthBytes, 16);
      return decodeFetch(body, SIZE_BYTES);
    };
    assert.deepEqual(fetch(4096, 8192), { id: 0, offset: 4096, lengthBytes: 8192 });
    for (const [offset, lengthBytes] of [
      [0, 0],
      [0, 100],
      [SIZE_BYTES, 512],
      [0, SIZE_BYTES + 512],
    ] as const)
      assert.throws(() => fetch(offset, lengthBytes), { code: 'protocol' }, `${offset} ${lengthBytes}`);
    const fetched = (kind: number, lengthBytes: number, dataBytes: number): unknown => {
      const body = Buffer.alloc(16 + dataBytes);
      body.writeUInt32LE(kind, 8);
      body.writeUInt32LE(lengthBytes, 12);
      return decodeFetched(body).fetched;
    };
    assert.deepEqual(fetched(2, 16 << 20, 0), { kind: 'unused', lengthBytes: 16 << 20 });
    assert.deepEqual(fetched(3, 0, 0), { kind: 'failed', lengthBytes: 0 });
    for (const [kind, lengthBytes, dataBytes] of [
      [0, 512, 0],
      [0, 512, 511],
      [0, (1 << 20) + 512, (1 << 20) + 512],
      [1, 512, 512],
      [1, 0, 0],
      [1, (16 << 20) + 512, 0],
      [3, 512, 0],
      [4, 512, 0],
    ] as const)
      assert.throws(
        () => fetched(kind, lengthBytes, dataBytes),
        { code: 'protocol' },
        `${kind} ${lengthBytes} ${dataBytes}`,
      );
  });

  for (const [name, decode] of Object.entries(DECODERS)) {
    test(`${name}: arbitrary bytes are refused, or are within the volume`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
          try {
            decode(Buffer.from(bytes));
          } catch (error) {
            assert.ok(error instanceof EterneError, String(error));
          }
        }),
        { numRuns: 400 },
      );
    });
  }

  test('a truncated or lengthened HELLO is refused', () => {
    const bytes = encodeHello(HELLO);
    for (let length = 0; length < bytes.length; length += 1)
      assert.throws(() => decodeHello(bytes.subarray(0, length)), EterneError);
    assert.throws(() => decodeHello(Buffer.concat([bytes, Buffer.alloc(1)])), EterneError);
  });
});
