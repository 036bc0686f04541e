/** A disk becomes a tie-breaker only when nobody would miss what is on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { SharedDisks } from '@eterne/runtime';
import { encodeBoardHeader, BOARD_END, BOARD_FROM } from '../../src/heart/wire/board.ts';
import { newTieArea, readTieArea, TIE_AREA_BYTES } from '../../src/raft/tie/block.ts';
import { prepareTie } from '../../src/raft/tie/tie-driver.ts';

const OWNERS = ['n1', 'n2'] as const;

function disksWith(content: Buffer): SharedDisks {
  return {
    open: (_path, done) =>
      done({
        read: (offset, length, finished) =>
          finished(
            offset + length > content.length
              ? new EterneError('io', 'too short')
              : Buffer.from(content.subarray(offset, offset + length)),
          ),
        write: (offset, from, finished) => {
          from.copy(content, offset);
          finished(undefined);
        },
        close: () => {},
      }),
  };
}

function make(content: Buffer): EterneError | undefined {
  let result: { error: EterneError | undefined } | undefined;
  prepareTie(disksWith(content), '/dev/shared', '~tie#2', OWNERS, (error) => (result = { error }));
  assert.ok(result, 'an answer');
  return result.error;
}

function assertTaken(content: Buffer): void {
  assert.equal(make(content), undefined);
  assert.deepEqual(
    readTieArea(content.subarray(0, TIE_AREA_BYTES)).map((block) => [block?.member, block?.owner]),
    [
      ['~tie#2', 'n1'],
      ['~tie#2', 'n2'],
    ],
  );
}

test('an empty disk, a former tie-breaker of one of the two and a heartbeat disk are taken', () => {
  assertTaken(Buffer.alloc(BOARD_END));
  const former = Buffer.alloc(BOARD_END);
  newTieArea('~tie#1', ['n1', 'n3']).copy(former);
  assertTaken(former);
  const heartbeats = Buffer.alloc(BOARD_END);
  encodeBoardHeader({ diskId: 'd1'.repeat(16), clusterId: '9d0f3f0e-5f0e-4f5e-9a3c-0c8d3b1f2a10' }).copy(
    heartbeats,
    BOARD_FROM,
  );
  heartbeats.fill(7, BOARD_FROM + 4096);
  assertTaken(heartbeats);
});

// GPT, ext4, LVM and md before 16 KiB; Btrfs at 64 KiB.
for (const at of [0, 512, 1024, 4096, 20_000, 65_536 + 64])
  test(`what is written at byte ${at} is left as it is`, () => {
    const content = Buffer.alloc(BOARD_END);
    content.write('somebody', at);
    const before = Buffer.from(content);
    const error = make(content);
    assert.match(error?.message ?? '', /\/dev\/shared is not empty: it may hold somebody's data/);
    assert.match(error?.hint ?? '', /dd if=\/dev\/zero of=\/dev\/shared/);
    assert.ok(before.equals(content));
  });

test('the tie-breaker of another pair is left as it is', () => {
  const content = Buffer.alloc(BOARD_END);
  newTieArea('~tie#1', ['x', 'y']).copy(content);
  const before = Buffer.from(content);
  assert.match(make(content)?.message ?? '', /is the tie-breaker of x and y/);
  assert.ok(before.equals(content));
});
