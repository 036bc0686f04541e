/** A disk becomes a tie-breaker only when nobody would miss what is on it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { SHARED_SECTOR_BYTES, type SharedDisks } from '@eterne/runtime';
import { encodeBoardHeader, BOARD_END, BOARD_FROM } from '../../src/heart/wire/board.ts';
import {
  encodeTieBlock,
  newTieArea,
  readTieArea,
  TIE_AREA_BYTES,
  tieOffset,
} from '../../src/raft/tie/block.ts';
import { checkTie, prepareTie } from '../../src/raft/tie/tie-driver.ts';

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

const USED = { member: '~tie#1', term: 5, lastTerm: 5, holdMs: 700 } as const;

test('whatever part of it is written, a former tie-breaker of the same nodes is silent from then on', () => {
  for (const newest of [6, 7]) {
    const former = newTieArea('~tie#1', OWNERS);
    for (const [place, owner] of OWNERS.entries())
      for (const counter of [newest - 1, newest])
        encodeTieBlock({ ...USED, owner, counter, lastIndex: counter }).copy(
          former,
          tieOffset(place, counter),
        );
    const disk = Buffer.alloc(BOARD_END);
    former.copy(disk);
    assertTaken(disk);
    const sectors = TIE_AREA_BYTES / SHARED_SECTOR_BYTES;
    for (let written = 1; written < 2 ** sectors; written += 1) {
      const torn = Buffer.from(former);
      for (let sector = 0; sector < sectors; sector += 1) {
        const at = sector * SHARED_SECTOR_BYTES;
        if (Math.floor(written / 2 ** sector) % 2 === 1) disk.copy(torn, at, at, at + SHARED_SECTOR_BYTES);
      }
      const members = readTieArea(torn).map((block) => block?.member);
      assert.ok(members.includes('~tie#2'), `sectors ${written.toString(2)}: ${members.join()}`);
    }
  }
});

test('a disk can be looked at before: nothing is written, and one that hangs is told', () => {
  const check = (disks: SharedDisks): { error: EterneError | undefined; expire: () => void } => {
    const seen = { error: undefined as EterneError | undefined, expire: (): void => {} };
    const timers = {
      after: (_ms: number, act: () => void) => {
        seen.expire = act;
        return { cancel: () => {} };
      },
    };
    checkTie({ disks, timers }, '/dev/shared', OWNERS, (error) => (seen.error = error));
    return seen;
  };
  const blank = Buffer.alloc(BOARD_END);
  assert.equal(check(disksWith(blank)).error, undefined);
  assert(blank.every((byte) => byte === 0));
  assert.match(check(disksWith(Buffer.alloc(BOARD_END, 1))).error?.message ?? '', /is not empty/);
  assert.match(
    check(disksWith(Buffer.alloc(1024))).error?.message ?? '',
    /cannot be the tie-breaker: too short/,
  );
  const hung = check({ open: () => {} });
  hung.expire();
  assert.match(hung.error?.message ?? '', /did not answer within 10 s/);
});
