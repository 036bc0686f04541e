/** A volume that grows over its own metadata, on a device in memory whose power fails at every operation. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { VolumeConfig } from '../../../src/engine/api.ts';
import { internalOffset, placeBehind } from '../../../src/engine/disk/internal-place.ts';
import { decodeSign, encodeSign, signOffset } from '../../../src/engine/disk/internal-sign.ts';
import { openStores, type OpenedStores } from '../../../src/engine/disk/open-stores.ts';
import { LocalDisk } from '../../../src/engine/local-disk.ts';
import { Growth } from '../../../src/engine/resize/growth.ts';
import { metadataBytes, type MetadataDone } from '../../../src/metadata/index.ts';
import { CrashStore } from '../../metadata/crash-store.ts';
import { seededRandom } from '../../metadata/fixture.ts';

const MIB = 1024 * 1024;
const BLOCK = 4096;
const SIZE_BYTES = 4 * MIB + BLOCK;
/** Its metadata goes behind that of the smaller volume, which ends between 8 and 9 MiB. */
const LARGER_BYTES = 6 * MIB;
const MOVED_TO = 9 * MIB;
const DEVICE_BYTES = 13 * MIB;
const DATA = 0x5a;

/** One process with the device open. Requests are answered when `step` says so, if it is given a queue. */
class Life {
  readonly device: CrashStore;
  readonly queue: (() => void)[] = [];
  readonly #sizeBytes: number;
  #isStepped = false;

  constructor(content: Buffer, sizeBytes = SIZE_BYTES) {
    const { queue } = this;
    const perform = { push: (act: () => void): void => void (this.#isStepped ? queue.push(act) : act()) };
    this.device = new CrashStore(content, perform as unknown as (() => void)[]);
    this.#sizeBytes = sizeBytes;
  }

  /** From here on nothing is answered at once. */
  stepped(): void {
    this.#isStepped = true;
  }

  tryOpen(): OpenedStores | EterneError {
    let uuid = 0;
    const world: Partial<World> = {
      stores: { open: (_path, _options, done) => done(this.device) },
      random: {
        ...seededRandom(1),
        uuid: () => `00000000-0000-4000-8000-${String(++uuid).padStart(12, '0')}`,
      },
      log: () => {},
    };
    const config: Partial<VolumeConfig> = {
      name: 'v0',
      node: 'a',
      sizeBytes: this.#sizeBytes,
      devicePath: 'data',
      metadataPath: 'internal',
      peers: { b: ['b:1'] },
      diskTimeoutMs: 1000,
    };
    let result: OpenedStores | EterneError | undefined;
    openStores(world as World, config as VolumeConfig, (opened) => (result = opened));
    assert.ok(result, 'opened at once');
    return result;
  }

  open(): OpenedStores {
    const result = this.tryOpen();
    if (result instanceof EterneError) throw result;
    return result;
  }
}

function close({ data, metadata }: OpenedStores): void {
  metadata.close((error) => assert.equal(error, undefined));
  data.close(() => {});
}

function growthOf({ data, metadata }: OpenedStores): Growth {
  const fail = (): never => assert.fail('the disk is good');
  const disk = new LocalDisk(data, { failed: fail, unreadable: fail, reservedByOther: fail });
  return new Growth({ metadata, disk, config: { node: 'a' } });
}

function grow(stores: OpenedStores, sizeBytes: number): EterneError | undefined {
  let result: { error: EterneError | undefined } | undefined;
  const growth = growthOf(stores);
  growth.prepare(sizeBytes, (problem) => {
    if (problem !== undefined) result = { error: problem };
    else growth.commit(sizeBytes, true, (error) => (result = { error }));
  });
  assert.ok(result, 'answered at once');
  return result.error;
}

/** A device in use, closed; what is behind its metadata was somebody's, but for its end. */
function deviceInUse(sizeBytes = DEVICE_BYTES): Buffer {
  const content = Buffer.alloc(sizeBytes, 0xee);
  content.fill(DATA, 0, SIZE_BYTES);
  content.fill(0, internalOffset(SIZE_BYTES), internalOffset(SIZE_BYTES) + metadataBytes(SIZE_BYTES));
  content.fill(0, sizeBytes - BLOCK);
  const life = new Life(content);
  const stores = life.open();
  stores.metadata.update(
    (state) => ({ ...state, justCreated: false, diskState: 'UpToDate', term: { number: 3, grantor: 'a' } }),
    (error) => assert.equal(error, undefined),
  );
  stores.metadata.bitmap('b').markDirty(SIZE_BYTES - BLOCK, BLOCK);
  close(stores);
  return life.device.stable;
}

function assertContent(content: Buffer, volumeBytes: number, when: string): void {
  const isAll = (from: number, to: number, byte: number): boolean =>
    content.subarray(from, to).equals(Buffer.alloc(to - from, byte));
  assert.ok(isAll(0, SIZE_BYTES, DATA), `${when}: the data is as it was`);
  assert.ok(
    volumeBytes === SIZE_BYTES || isAll(SIZE_BYTES, volumeBytes, 0),
    `${when}: what was added is zero`,
  );
}

const enlarged = (content: Buffer, byte = 0): Buffer => Buffer.concat([content, Buffer.alloc(2 * MIB, byte)]);

describe('a volume that grows over its own metadata', () => {
  const content = deviceInUse();

  test('has it behind its new end, with every bit, whatever size the configuration says since', () => {
    const life = new Life(content);
    const stores = life.open();
    assert.equal(grow(stores, LARGER_BYTES), undefined);
    assert.equal(stores.metadata.sizeBytes, LARGER_BYTES);
    stores.metadata.bitmap('b').markDirty(LARGER_BYTES - BLOCK, BLOCK);
    close(stores);
    const { stable } = life.device;
    assert.equal(decodeSign(stable.subarray(signOffset(life.device))), MOVED_TO);
    assertContent(stable, LARGER_BYTES, 'closed');
    for (const sizeBytes of [SIZE_BYTES, LARGER_BYTES - BLOCK, LARGER_BYTES]) {
      const again = new Life(stable, sizeBytes).open();
      assert.equal(again.metadata.sizeBytes, LARGER_BYTES);
      assert.equal(again.metadata.state.term.number, 3);
      assert.equal(again.metadata.bitmap('b').dirtyBytes, 2 * BLOCK);
    }
    for (const sizeBytes of [SIZE_BYTES - BLOCK, LARGER_BYTES + BLOCK]) {
      const other = new Life(stable, sizeBytes);
      const refused = other.tryOpen();
      assert.ok(refused instanceof EterneError && refused.code === 'conflict');
      assert.match(refused.message, new RegExp(`has its metadata at byte ${MOVED_TO}`));
      assert.ok(other.device.current.equals(stable), 'nothing was written');
    }
  });

  test('grows on in front of it, and over it again', () => {
    const life = new Life(Buffer.concat([deviceInUse(), Buffer.alloc(5 * MIB)]));
    const stores = life.open();
    for (const sizeBytes of [LARGER_BYTES, MOVED_TO, 10 * MIB])
      assert.equal(grow(stores, sizeBytes), undefined);
    assert.equal(decodeSign(life.device.stable.subarray(signOffset(life.device))), 13 * MIB);
    assertContent(life.device.stable, 10 * MIB, 'grown three times');
    close(stores);
    assert.equal(new Life(life.device.stable).open().metadata.sizeBytes, 10 * MIB);
  });

  for (const [what, byte] of [
    ['nothing', 0],
    ['something else', 0xee],
  ] as const)
    test(`is found on a device that was enlarged since, with ${what} at its end`, () => {
      const life = new Life(content);
      const stores = life.open();
      assert.equal(grow(stores, LARGER_BYTES), undefined);
      close(stores);
      const larger = new Life(enlarged(life.device.stable, byte));
      const found = larger.open();
      assert.deepEqual([found.metadata.sizeBytes, found.metadata.recovery.created], [LARGER_BYTES, false]);
      const sign = decodeSign(larger.device.stable.subarray(signOffset(larger.device)));
      assert.equal(sign, byte === 0 ? MOVED_TO : undefined);
    });

  test('says how much room it lacks, and changes nothing', () => {
    const life = new Life(deviceInUse(MOVED_TO));
    const stores = life.open();
    const before = Buffer.from(life.device.current);
    const error = grow(stores, LARGER_BYTES);
    assert.equal(error?.code, 'no-space');
    const neededBytes = MOVED_TO + metadataBytes(LARGER_BYTES) + BLOCK;
    assert.match(error.message, new RegExp(`has ${MOVED_TO} bytes, ${neededBytes} are needed`));
    assert.ok(life.device.current.equals(before));
  });

  test('leaves alone what somebody else has at the end of the device', () => {
    const used = deviceInUse();
    used.fill(0xee, DEVICE_BYTES - BLOCK);
    const life = new Life(used);
    const stores = life.open();
    const error = grow(stores, LARGER_BYTES);
    assert.equal(error?.code, 'refused');
    assert.match(error.message, /last 4 KiB.* hold something else; zero them \(from byte 13627392 on\)/);
    assert.equal(stores.metadata.sizeBytes, SIZE_BYTES);
    close(stores);
    assert.equal(new Life(life.device.stable).open().metadata.state.term.number, 3);
  });

  test('is not opened when its end was cut off', () => {
    const life = new Life(content);
    const stores = life.open();
    assert.equal(grow(stores, LARGER_BYTES), undefined);
    close(stores);
    const cut = new Life(Buffer.from(life.device.stable.subarray(0, MOVED_TO + MIB))).tryOpen();
    assert.ok(cut instanceof EterneError && cut.code === 'corrupt');
    assert.match(cut.message, /has been cut short/);
  });

  test('is not opened while two replicas claim to be it, and where its metadata is erased begins anew', () => {
    const life = new Life(content);
    const stores = life.open();
    assert.equal(grow(stores, LARGER_BYTES), undefined);
    close(stores);
    const two = enlarged(life.device.stable);
    const other = deviceInUse();
    const head = Buffer.from(
      other.subarray(internalOffset(SIZE_BYTES), internalOffset(SIZE_BYTES) + 3 * BLOCK),
    );
    for (const slot of [0, BLOCK]) head.fill(0x77, slot + 48, slot + 64);
    head.copy(two, 14 * MIB);
    const refused = new Life(two).tryOpen();
    assert.ok(refused instanceof EterneError);
    assert.equal(refused.code, 'conflict');
    const erased = Buffer.from(life.device.stable);
    erased.fill(0, MOVED_TO, MOVED_TO + 3 * BLOCK);
    erased.fill(0, internalOffset(SIZE_BYTES), internalOffset(SIZE_BYTES) + metadataBytes(SIZE_BYTES));
    assert.ok(new Life(erased).open().metadata.recovery.created);
  });
});

interface Outcome {
  readonly life: Life;
  /** Blocks whose mark was said to be durable. */
  readonly marked: readonly number[];
  readonly isGrown: boolean;
}

/** Grows while bits are being set; the power fails before operation `count`. */
function cutShort(content: Buffer, count: number): Outcome {
  const life = new Life(content);
  const stores = life.open();
  const { metadata } = stores;
  const growth = growthOf(stores);
  const marked: number[] = [];
  let isGrown = false;
  let block = 0;
  const ended: MetadataDone = (error) => {
    assert.equal(error, undefined);
    isGrown = true;
  };
  life.stepped();
  life.device.stopAt = life.device.operations + count;
  growth.prepare(LARGER_BYTES, (problem) => {
    if (problem === undefined) growth.commit(LARGER_BYTES, true, ended);
    else ended(problem);
  });
  for (let act = life.queue.shift(); act !== undefined; act = life.queue.shift()) {
    act();
    if (isGrown) continue;
    const mine = block;
    block = (block + 7) % (SIZE_BYTES / BLOCK);
    metadata.bitmap('b').markDirty(mine * BLOCK, BLOCK);
    metadata.bitmap('b').persist((error) => {
      assert.equal(error, undefined);
      marked.push(mine);
    });
  }
  return { life, marked, isGrown };
}

describe('a crash while a volume grows over its own metadata', () => {
  const content = deviceInUse();

  test('at any operation, power lost or not, device enlarged since or not: the old size or the new one, and no bit is lost', () => {
    const random = seededRandom(7);
    const sizes = new Set<number>();
    let count = 1;
    for (let isOver = false; !isOver; count += 1) {
      assert.ok(count < 500, 'growing takes a bounded number of operations');
      const { isGrown, life, marked } = cutShort(content, count);
      isOver = isGrown && life.device.operations < life.device.stopAt;
      const left = life.device.afterPowerFailure(() => (random.below(2) === 0 ? 'lost' : 'kept'));
      life.device.killUser();
      for (const [what, found] of [
        ['power lost', left],
        ['power lost, device enlarged', enlarged(left, 0xee)],
        ['killed', life.device.current],
      ] as const) {
        if (what === 'killed' && count % 4 !== 0) continue;
        const when = `${what} after ${count} operations`;
        const again = new Life(found).open();
        const { metadata } = again;
        assert.equal(metadata.recovery.created, false, when);
        assert.equal(metadata.state.term.number, 3, when);
        if (isGrown) assert.equal(metadata.sizeBytes, LARGER_BYTES, when);
        else assert.ok([SIZE_BYTES, LARGER_BYTES].includes(metadata.sizeBytes), when);
        for (const block of [...marked, SIZE_BYTES / BLOCK - 1])
          assert.ok(metadata.bitmap('b').anyDirty(block * BLOCK, BLOCK), `${when}: block ${block} is marked`);
        assertContent(found, metadata.sizeBytes, when);
        sizes.add(metadata.sizeBytes);
      }
    }
    assert.deepEqual(sizes, new Set([SIZE_BYTES, LARGER_BYTES]));
    assert.ok(count > 40, `${count} operations were gone through`);
  });

  test('can be gone on with', () => {
    for (let count = 3; ; count += 11) {
      const { isGrown, life } = cutShort(content, count);
      if (isGrown) break;
      life.device.killUser();
      const again = new Life(life.device.current);
      const stores = again.open();
      assert.equal(grow(stores, LARGER_BYTES), undefined, `after ${count} operations`);
      close(stores);
      assertContent(again.device.stable, LARGER_BYTES, `after ${count} operations`);
    }
  });

  test('whose sign may not have been written leaves the metadata failed, and nothing is written to either place', () => {
    let isReached = false;
    for (let count = 1; count < 500 && !isReached; count += 1) {
      const life = new Life(content);
      const stores = life.open();
      let failure: string | undefined;
      const disk = new LocalDisk(stores.data, {
        failed: ({ message }) => (failure = message),
        unreadable: () => assert.fail('no sector is bad'),
        reservedByOther: () => assert.fail('nobody else is there'),
      });
      const growth = new Growth({ metadata: stores.metadata, disk, config: { node: 'a' } });
      life.device.failAt = life.device.operations + count;
      let problem: EterneError | undefined;
      growth.prepare(LARGER_BYTES, (error) => (problem = error));
      if (problem === undefined) break;
      life.device.failAt = Number.POSITIVE_INFINITY;
      assert.equal(failure, 'injected', `after ${count} operations the disk has failed`);
      const isMoved = decodeSign(life.device.current.subarray(signOffset(life.device))) === MOVED_TO;
      const isErased = life.device.current.readBigUInt64LE(internalOffset(SIZE_BYTES)) === 0n;
      if (!isMoved || isErased) continue;
      isReached = true;
      let answer: EterneError | undefined;
      const before = Buffer.from(life.device.current);
      stores.metadata.update(
        (state) => state,
        (error) => (answer = error),
      );
      assert.equal(answer?.code, 'io');
      assert.ok(life.device.current.equals(before));
    }
    assert.ok(isReached);
  });
});

describe('the places of internal metadata', () => {
  test('are few, wherever it may be, and cost little room', () => {
    for (const fromBytes of [0, MIB, MIB + 1, 100 * MIB, 2 ** 30 + 1, 3 * 2 ** 40 + BLOCK, 2 ** 50 - BLOCK]) {
      const place = placeBehind(fromBytes);
      assert.ok(place >= fromBytes && place % MIB === 0);
      assert.ok(place - fromBytes <= Math.max(MIB, fromBytes / 512));
      const neededBytes = place + metadataBytes(Math.max(BLOCK, fromBytes)) + BLOCK;
      assert.ok(neededBytes <= fromBytes * 1.004 + 5 * MIB, `${neededBytes} bytes`);
      assert.equal(placeBehind(place), place);
    }
    let count = 0;
    for (let place = placeBehind(2 ** 40); place < 2 ** 44; place = placeBehind(place + 1)) count += 1;
    assert.equal(count, 4 * 512);
  });

  test('are read from a sign, unless it is damaged', () => {
    const sign = encodeSign(MOVED_TO);
    assert.equal(decodeSign(sign), MOVED_TO);
    for (const at of [0, 9, 13, 17, 600]) {
      const damaged = Buffer.from(sign);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      assert.equal(decodeSign(damaged), undefined);
    }
  });
});
