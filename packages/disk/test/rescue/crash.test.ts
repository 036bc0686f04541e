/**
 * The power fails at every operation of the journal, in turn, while points come and go and blocks are overwritten. Whatever survives: a
 * point that was promised is there, and every point that says it is whole gives back what the replica held.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError, MIB } from '@eterne/base';
import type { StoreDone } from '@eterne/runtime';
import { CrashStore } from '../metadata/crash-store.ts';
import { openRescue } from '../../src/rescue/open-rescue.ts';
import { Rescue } from '../../src/rescue/rescue.ts';
import { NO_GENERATIONS } from '../../src/metadata/index.ts';
import { derivedUuid } from '../../src/metadata/uuid.ts';
import type { WriteGuard } from '../../src/rescue/api.ts';

const BLOCK = 4096;
const BLOCKS = 96;
const JOURNAL_BYTES = 17 * MIB;
const REPLICA = derivedUuid('replica');

/** xorshift32: the same choices for the same seed. */
function chanceOf(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A replica with a journal, from its opening to the power failure. */
class Life {
  readonly data: CrashStore;
  readonly journal: CrashStore;
  guard: WriteGuard | undefined;
  rescue: Rescue | undefined;

  constructor(data: Buffer, journal: Buffer) {
    this.data = new CrashStore(data);
    this.journal = new CrashStore(journal);
    this.data.read = (offset, into, done) => {
      this.data.current.copy(into, 0, offset, offset + into.length);
      done(undefined);
    };
  }

  open(): EterneError | undefined {
    let failure: EterneError | undefined;
    const world = {
      random: { uuid: () => derivedUuid('journal') },
      stores: {
        open: (_path: string, _options: object, done: (store: CrashStore) => void) => done(this.journal),
      },
    };
    const config = {
      path: 'j',
      maxBytes: JOURNAL_BYTES,
      whenFull: 'pause',
      timeoutMs: 1000,
      mayCreate: true,
    } as const;
    openRescue(world, config, REPLICA, (opened) => {
      if (opened instanceof EterneError) failure = opened;
      else
        this.rescue = new Rescue({
          ...opened,
          world: { log: () => {} },
          disk: this,
          volume: { sizeBytes: BLOCKS * BLOCK },
          isHalfCopied: () => this.rescue?.copying !== undefined,
          disown: () => assert.fail('nothing fails but the power'),
          whenFull: 'pause',
          pause: () => assert.fail('there is room'),
        });
    });
    return failure;
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.data.read(offset, into, done);
  }

  write(offset: number, bytes: Buffer | undefined, lengthBytes: number, done: () => void): void {
    const put = (): void => this.data.write(offset, bytes ?? Buffer.alloc(lengthBytes), () => done());
    if (this.guard === undefined) put();
    else this.guard.beforeWrite(offset, lengthBytes, bytes, put);
  }

  /** What the replica held at a point, as an export would say. */
  imageOf(id: number): Buffer {
    const image = Buffer.from(this.data.current);
    let ended = false;
    this.rescue?.visit(
      id,
      (block, content, next) => {
        content.copy(image, block * BLOCK);
        next();
      },
      (error) => {
        assert.equal(error, undefined);
        ended = true;
      },
    );
    assert.ok(ended);
    return image;
  }
}

interface Promised {
  /** Points whose beginning was answered, and what the replica held then. */
  readonly points: Map<number, Buffer>;
  /** What the replica held when a point was asked for that was not answered. */
  asked: Buffer | undefined;
}

const NOTE = {
  peer: 'b',
  reason: 'a test',
  begunAtWallMs: 1,
  before: { crashedPrimary: false, generations: NO_GENERATIONS },
};

/** Goes on until the power fails; then nothing answers any more. */
function live(life: Life, promised: Promised, chance: (below: number) => number): void {
  const { rescue } = life;
  assert.ok(rescue);
  const someWrites = (count: number, then: () => void): void => {
    if (count === 0) return then();
    const sectors = 1 + chance(chance(3) === 0 ? 64 : 12);
    const offset = chance((BLOCKS * BLOCK) / 512 - sectors) * 512;
    const bytes = chance(4) === 0 ? undefined : Buffer.alloc(sectors * 512, 1 + chance(250));
    life.write(offset, bytes, sectors * 512, () => {
      if (chance(4) === 0) life.data.flush(() => someWrites(count - 1, then));
      else someWrites(count - 1, then);
    });
  };
  const point = (surplus: boolean, then: () => void): void => {
    const held = Buffer.from(life.data.current);
    promised.asked = held;
    // The engine flushes before it says what it holds.
    life.data.flush(() =>
      rescue.begin(NOTE, surplus, () => {
        promised.asked = undefined;
        promised.points.set(rescue.copying?.id ?? 0, held);
        someWrites(6, () => {
          const id = rescue.copying?.id ?? 0;
          if (!surplus) promised.points.delete(id);
          rescue.copied(then);
        });
      }),
    );
  };
  const drop = (then: () => void): void => {
    const [oldest] = rescue.points;
    if (oldest === undefined) return then();
    promised.points.delete(oldest.id);
    rescue.drop(oldest.id, then);
  };
  someWrites(2, () =>
    point(true, () =>
      someWrites(5, () => point(false, () => point(true, () => drop(() => someWrites(4, () => {}))))),
    ),
  );
}

function check(life: Life, promised: Promised): void {
  const points = life.rescue?.points ?? [];
  for (const [id, held] of promised.points) {
    assert.ok(
      points.some((point) => point.id === id && point.whole),
      `point ${id} was promised`,
    );
    assertHeld(life.imageOf(id), held, id);
  }
  const unanswered = points.filter(({ id }) => !promised.points.has(id) && promised.asked !== undefined);
  for (const { id, state } of unanswered)
    if (state === 'copying' && promised.asked !== undefined) assertHeld(life.imageOf(id), promised.asked, id);
}

function assertHeld(image: Buffer, held: Buffer, id: number): void {
  for (let block = 0; block < BLOCKS; block += 1) {
    const [mine, wanted] = [image, held].map((bytes) => bytes.subarray(block * BLOCK, (block + 1) * BLOCK));
    assert.ok(mine?.equals(wanted ?? Buffer.alloc(0)), `block ${block} of point ${id}`);
  }
}

function blank(): { data: Buffer; journal: Buffer } {
  const data = Buffer.alloc(BLOCKS * BLOCK);
  for (let block = 0; block < BLOCKS; block += 1) data.fill(block % 5, block * BLOCK, (block + 1) * BLOCK);
  return { data, journal: Buffer.alloc(JOURNAL_BYTES) };
}

describe('the rescue journal', () => {
  test('keeps its promises wherever the power fails, twice in a row', () => {
    let crashes = 0;
    for (let stopAt = 0; ; stopAt += 1, crashes += 1) {
      const chance = chanceOf(1);
      const stores = blank();
      const first = new Life(stores.data, stores.journal);
      first.journal.stopAt = stopAt;
      const promised: Promised = { points: new Map(), asked: undefined };
      first.open();
      if (first.rescue !== undefined) live(first, promised, chance);
      const fate = chanceOf(1 + stopAt * 31);
      const choose = (): 'lost' | 'kept' => (fate(2) === 0 ? 'lost' : 'kept');
      const second = new Life(first.data.afterPowerFailure(choose), first.journal.afterPowerFailure(choose));
      assert.equal(second.open(), undefined, `it opens after a crash at operation ${stopAt}`);
      check(second, promised);
      // And it goes on from there: what is overwritten now must not harm what was kept.
      for (let block = 0; block < BLOCKS; block += 7)
        second.write(block * BLOCK, Buffer.alloc(BLOCK, 201), BLOCK, () => {});
      check(second, promised);
      if (first.journal.operations < stopAt) break;
      if (stopAt % 4 > 0) continue;
      const third = new Life(second.data.afterPowerFailure(choose), second.journal.afterPowerFailure(choose));
      assert.equal(third.open(), undefined);
      check(third, promised);
    }
    assert.ok(crashes > 40, `${crashes} crash points`);
  });

  test('keeps a point for a copy that is asked for while the one before is just being forgotten', () => {
    const { data, journal } = blank();
    const life = new Life(data, journal);
    assert.equal(life.open(), undefined);
    const { rescue } = life;
    assert.ok(rescue);
    rescue.begin(NOTE, false, (error) => assert.equal(error, undefined));
    const first = rescue.copying?.id;
    assert.notEqual(first, undefined);
    const slow: (() => void)[] = [];
    const write = life.journal.write.bind(life.journal);
    life.journal.write = (...args) => void slow.push(() => write(...args));
    const answers: unknown[] = [];
    rescue.copied((error) => answers.push(error));
    rescue.begin(NOTE, false, (error) => answers.push(error));
    for (let next = slow.shift(); next !== undefined; next = slow.shift()) next();
    assert.deepEqual(answers, [undefined, undefined]);
    assert.ok(rescue.copying !== undefined && rescue.copying.id !== first);
  });
});
