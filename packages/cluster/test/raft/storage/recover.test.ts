import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import * as fc from 'fast-check';
import { encodeMembers } from '../../../src/raft/members.ts';
import {
  encodeBatch,
  encodeFileHeader,
  FILE_HEADER_BYTES,
  type LogRecord,
} from '../../../src/raft/storage/format.ts';
import { type LogImage, recoverLog } from '../../../src/raft/storage/recover.ts';
import type { Entry } from '../../../src/raft/types.ts';

const NONCE = 0x1234_5678;
const IDENTITY = { cluster: 'c', member: 'n1#1' };

function entry(index: number, term: number, text: string): Entry {
  return { index, term, kind: 'command', data: Buffer.from(text) };
}

function base(): LogRecord[] {
  return [
    { type: 'identity', identity: IDENTITY },
    { type: 'starts', starts: 3 },
    {
      type: 'snapshot',
      snapshot: { index: 4, term: 2, members: [{ id: 'n1#1', role: 'voter' }], data: Buffer.from('state') },
    },
    { type: 'entry', entry: entry(5, 2, 'five') },
    { type: 'hard-state', hardState: { term: 2, vote: 'n1#1', commit: 5, holdMs: 700 } },
  ];
}

function hard(term: number, commit: number): LogRecord {
  return { type: 'hard-state', hardState: { term, vote: undefined, commit, holdMs: 700 } };
}

/** A file of batches; `synced[i]` is what batch i + 1 knows to be on disk. */
function fileOf(
  batches: readonly LogRecord[][],
  synced: readonly number[],
): { file: Buffer; ends: number[] } {
  const parts = [encodeFileHeader(NONCE)];
  const ends: number[] = [];
  batches.forEach((records, i) => {
    parts.push(encodeBatch(NONCE, i + 1, synced[i] ?? 0, records));
    ends.push(parts.reduce((sum, part) => sum + part.length, 0));
  });
  return { file: Buffer.concat(parts), ends };
}

function mustRecover(file: Buffer): LogImage {
  const image = recoverLog(file);
  if (image instanceof EterneError) throw image;
  return image;
}

const THREE = [
  base(),
  [{ type: 'entry', entry: entry(6, 3, 'six') }, hard(3, 5)] as LogRecord[],
  [{ type: 'entry', entry: entry(7, 3, 'seven, a longer one') }, hard(3, 6)] as LogRecord[],
];

test('everything written is read back', () => {
  const { file } = fileOf(THREE, [0, 1, 2]);
  const image = mustRecover(file);
  assert.deepEqual(image.identity, IDENTITY);
  assert.equal(image.starts, 3);
  assert.deepEqual(image.hardState, { term: 3, vote: undefined, commit: 6, holdMs: 700 });
  assert.deepEqual(
    image.entries.map(({ data }) => data.toString()),
    ['five', 'six', 'seven, a longer one'],
  );
});

test('an entry replaces all that follows its place', () => {
  const again = [{ type: 'entry', entry: entry(6, 4, 'other') }, hard(4, 6)] as LogRecord[];
  const { file } = fileOf([...THREE.slice(0, 2), THREE[2] ?? [], again], [0, 1, 2, 3]);
  assert.deepEqual(
    mustRecover(file).entries.map(({ index, term }) => `${index}@${term}`),
    ['5@2', '6@4'],
  );
});

test('cut anywhere in its last batch, the file is what it was before that batch', () => {
  const { file, ends } = fileOf(THREE, [0, 1, 2]);
  for (let length = ends[1] ?? 0; length < file.length; length += 1)
    assert.equal(mustRecover(file.subarray(0, length)).entries.length, 2, `cut at ${length}`);
});

test('a last batch of which any sectors are missing is a torn tail', () => {
  const long = [{ type: 'entry', entry: entry(8, 3, 'x'.repeat(3000)) }, hard(3, 7)] as LogRecord[];
  const { file, ends } = fileOf([...THREE, long], [0, 1, 2, 3]);
  const start = ends[2] ?? 0;
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (kept) => {
      const torn = Buffer.from(file);
      kept.forEach((keep, sector) => {
        if (!keep) torn.fill(0, Math.max(start, sector * 512), Math.min(torn.length, (sector + 1) * 512));
      });
      const { entries } = mustRecover(torn);
      assert.equal(entries.length, torn.equals(file) ? 4 : 3);
    }),
  );
});

test('a batch not known to be synced may be missing under a later one: power failed during their common fsync', () => {
  const { file, ends } = fileOf(THREE, [0, 1, 1]);
  const torn = Buffer.from(file);
  torn.fill(0, ends[0], ends[1]);
  assert.equal(mustRecover(torn).entries.length, 1);
});

test('damage before a batch that proves it was complete is refused, at every byte', () => {
  const { file, ends } = fileOf(THREE, [0, 1, 2]);
  const refusals = new Set<string>();
  for (let at = FILE_HEADER_BYTES; at < (ends[1] ?? 0); at += 1) {
    const damaged = Buffer.from(file);
    damaged.writeUInt8((damaged[at] ?? 0) ^ 0x40, at);
    const result = recoverLog(damaged);
    if (result instanceof EterneError) refusals.add(result.code);
    // Padding carries nothing: a change there is none.
    else assert.deepEqual(result, mustRecover(file), `byte ${at}`);
  }
  assert.deepEqual([...refusals], ['corrupt']);
});

test('a lost committed entry is noticed', () => {
  const { file } = fileOf([base(), [hard(2, 6)]], [0, 1]);
  const result = recoverLog(file);
  assert.ok(result instanceof EterneError && result.code === 'corrupt');
  assert.match(result.message, /entry 6 was committed and is missing/);
});

test('a batch of another file is not taken for one of this', () => {
  const { file } = fileOf(THREE.slice(0, 1), [0]);
  const foreign = encodeBatch(NONCE + 1, 2, 1, [hard(9, 5)]);
  assert.equal(mustRecover(Buffer.concat([file, foreign])).hardState.term, 2);
});

test('an unknown version, an empty file and a foreign file are refused', () => {
  const { file } = fileOf(THREE, [0, 1, 2]);
  const newer = Buffer.from(file);
  newer.writeUInt32LE(2, 8);
  for (const [bytes, code] of [
    [newer, 'unsupported'],
    [Buffer.alloc(0), 'corrupt'],
    [Buffer.from('something else entirely'), 'corrupt'],
    [file.subarray(0, FILE_HEADER_BYTES), 'corrupt'],
  ] as const) {
    const result = recoverLog(bytes);
    assert.ok(result instanceof EterneError && result.code === code);
  }
});

test('no bytes make it throw', () => {
  const { file } = fileOf(THREE, [0, 1, 2]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat({ max: file.length }), (noise, at) => {
      recoverLog(Buffer.concat([file.subarray(0, at), noise]));
      recoverLog(Buffer.from(noise));
    }),
  );
});

test('a membership that is no membership is damage', () => {
  const bad: Entry = { index: 6, term: 3, kind: 'members', data: encodeMembers([]).subarray(1) };
  const { file } = fileOf([base(), [{ type: 'entry', entry: bad }, hard(3, 5)]], [0, 1]);
  const result = recoverLog(file);
  assert.ok(result instanceof EterneError && result.code === 'corrupt');
});
