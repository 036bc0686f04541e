/** Random histories of one replica's metadata, cut by a power failure at every possible operation. */
import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import type { BlockNumber } from '@eterne/base';
import { EterneError, MIB } from '@eterne/base';
import * as fc from 'fast-check';
import type { DirtyBitmap, VolumeMetadata } from '../../src/metadata/api.ts';
import { BLOCK_BYTES, EXTENT_BYTES } from '../../src/metadata/api.ts';
import { metadataBytes } from '../../src/metadata/layout.ts';
import { CrashStore, type SectorFate } from './crash-store.ts';
import { opened, optionsFor, seededRandom, tryOpen } from './fixture.ts';

const SIZE_BYTES = 10 * EXTENT_BYTES;
const CHANGES = { sizeBytes: SIZE_BYTES, activityLogSlots: 3 } as const;

type Step =
  | { readonly kind: 'term' | 'promote' | 'demote' | 'persist' | 'flush' }
  | { readonly kind: 'mark' | 'clear'; readonly block: number }
  | { readonly kind: 'write'; readonly extent: number }
  | { readonly kind: 'complete' }
  | { readonly kind: 'peer'; readonly name: string };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Step>(
    { kind: 'term' },
    { kind: 'promote' },
    { kind: 'demote' },
    { kind: 'persist' },
    { kind: 'flush' },
    { kind: 'complete' },
  ),
  fc.record({ kind: fc.constantFrom('mark' as const, 'clear' as const), block: fc.nat(10_239) }),
  fc.record({ kind: fc.constant('write' as const), extent: fc.nat(9) }),
  fc.record({ kind: fc.constant('peer' as const), name: fc.constantFrom('c', 'd') }),
);

/** What the user of the metadata may rely on, at any moment. */
class Expectation {
  term = 0;
  askedTerm = 0;
  roleAnswered: 'primary' | 'secondary' = 'secondary';
  rolePending = false;
  readonly peers = new Set(['b']);
  /** Blocks whose mark for b is durable and was not cleared since. */
  readonly durableBlocks = new Set<number>();
  readonly markedBlocks = new Set<number>();
  /** Extents with writes that some peer may lack. */
  readonly unsettledExtents = new Map<number, number>();
}

class Run {
  readonly expected = new Expectation();
  readonly #metadata: VolumeMetadata;
  readonly #inFlight: number[] = [];
  #epoch = 1;

  constructor(metadata: VolumeMetadata) {
    this.#metadata = metadata;
  }

  perform(action: Step): void {
    const { expected } = this;
    switch (action.kind) {
      case 'term': {
        const number = (expected.askedTerm += 1);
        this.#metadata.update(
          (state) => ({ ...state, term: { number, grantor: 'g' } }),
          (error) => {
            if (error === undefined) expected.term = number;
          },
        );
        return;
      }
      case 'promote':
      case 'demote':
        this.#setRole(action.kind === 'promote' ? 'primary' : 'secondary');
        return;
      case 'mark':
        this.#bitmap().markDirty(action.block * BLOCK_BYTES, 1);
        expected.markedBlocks.add(action.block);
        return;
      case 'clear':
        this.#bitmap().clear(action.block * BLOCK_BYTES, BLOCK_BYTES);
        expected.markedBlocks.delete(action.block);
        expected.durableBlocks.delete(action.block);
        return;
      case 'persist': {
        const marked = [...expected.markedBlocks];
        this.#bitmap().persist((error) => {
          if (error === undefined) for (const block of marked) expected.durableBlocks.add(block);
        });
        return;
      }
      case 'write':
        this.#write(action.extent);
        return;
      case 'complete':
        this.#complete();
        return;
      case 'flush':
        this.flush();
        return;
      case 'peer':
        this.#metadata.addPeer(action.name, (error) => {
          if (error === undefined) expected.peers.add(action.name);
        });
        return;
    }
  }

  flush(): void {
    const epoch = this.#epoch;
    this.#epoch += 1;
    this.#metadata.persistBitmaps((error) => {
      if (error !== undefined) return;
      for (const [extent, last] of this.expected.unsettledExtents)
        if (last <= epoch && !this.#inFlight.includes(extent)) this.expected.unsettledExtents.delete(extent);
      this.#metadata.activityLog.flushedUpTo(epoch);
    });
  }

  #bitmap(): DirtyBitmap {
    return this.#metadata.bitmap('b');
  }

  #setRole(role: 'primary' | 'secondary'): void {
    this.expected.rolePending = true;
    this.#metadata.update(
      (state) => ({ ...state, role }),
      (error) => {
        if (error !== undefined) return;
        this.expected.roleAnswered = role;
        this.expected.rolePending = false;
      },
    );
  }

  #write(extent: number): void {
    const log = this.#metadata.activityLog;
    const ready = (error: EterneError | undefined): void => {
      if (error !== undefined) return;
      this.#inFlight.push(extent);
      this.expected.unsettledExtents.set(extent, Number.POSITIVE_INFINITY);
    };
    if (log.tryTouch(extent * EXTENT_BYTES, 4096)) ready(undefined);
    else log.touch(extent * EXTENT_BYTES, 4096, ready);
  }

  #complete(): void {
    const extent = this.#inFlight.shift();
    if (extent === undefined) return;
    if (!this.#inFlight.includes(extent)) this.expected.unsettledExtents.set(extent, this.#epoch);
    this.#metadata.activityLog.release(extent * EXTENT_BYTES, 4096, this.#epoch);
  }
}

function holds(metadata: VolumeMetadata, expected: Expectation): void {
  assert.ok(metadata.state.term.number >= expected.term, 'an answered term is kept');
  assert.ok(metadata.state.term.number <= expected.askedTerm, 'no term from nowhere');
  if (expected.roleAnswered === 'primary' && !expected.rolePending)
    assert.equal(metadata.state.crashedPrimary, true);
  for (const peer of expected.peers) {
    const bitmap = metadata.bitmap(peer);
    for (const extent of expected.unsettledExtents.keys())
      for (const place of [0, 512, 1023])
        assert.ok(bitmap.isDirty((extent * 1024 + place) as BlockNumber), `extent ${extent} is covered`);
  }
  for (const block of expected.durableBlocks)
    assert.ok(metadata.bitmap('b').isDirty(block as BlockNumber), `block ${block} is kept`);
}

function blankContent(): Buffer {
  return Buffer.alloc(metadataBytes(SIZE_BYTES));
}

const CREATED = ((): Buffer => {
  const store = new CrashStore(blankContent());
  opened(optionsFor(store, CHANGES));
  return store.stable;
})();

/** Random steps until the power fails somewhere; then every sector that was not flushed has one of `fates`. */
const keepsPromises = (fates: readonly SectorFate[]): void =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.nat(), fc.nat(), (steps, where, seed) => {
      const counting = new CrashStore(CREATED);
      play(counting, steps);
      const store = new CrashStore(CREATED);
      store.stopAt = where % (counting.operations + 1);
      const expected = play(store, steps);
      if (expected === undefined) return;
      const random = seededRandom(seed);
      const content = store.afterPowerFailure(() => fates[random.below(fates.length)] ?? 'lost');
      holds(opened(optionsFor(new CrashStore(content), CHANGES)), expected);
    }),
    { numRuns: 120 },
  );

describe('metadata after a power failure', () => {
  it('keeps every promise, whichever sectors survive', () => keepsPromises(['lost', 'kept', 'kept']));

  it('survives garbled sectors too: everything they held counts as dirty', () =>
    keepsPromises(['lost', 'kept', 'garbled']));

  it('is created in one go or again, wherever the power fails', () => {
    const counting = new CrashStore(blankContent());
    opened(optionsFor(counting, CHANGES));
    for (let stopAt = 0; stopAt <= counting.operations; stopAt += 1) {
      for (let seed = 0; seed < 4; seed += 1) {
        const store = new CrashStore(blankContent());
        store.stopAt = stopAt;
        tryOpen(optionsFor(store, CHANGES));
        const random = seededRandom(seed);
        const content = store.afterPowerFailure(() => (random.below(2) === 0 ? 'lost' : 'kept'));
        assert.equal(opened(optionsFor(new CrashStore(content), CHANGES)).state.justCreated, true);
      }
    }
  });

  it('recovers again when the power fails during recovery', () => {
    const store = new CrashStore(CREATED);
    const run = new Run(opened(optionsFor(store, CHANGES)));
    for (const extent of [1, 4, 7]) run.perform({ kind: 'write', extent });
    const counting = new CrashStore(store.stable);
    opened(optionsFor(counting, CHANGES));
    for (let stopAt = 0; stopAt <= counting.operations; stopAt += 1) {
      for (let seed = 0; seed < 4; seed += 1) {
        const recovering = new CrashStore(store.stable);
        recovering.stopAt = stopAt;
        tryOpen(optionsFor(recovering, CHANGES));
        const random = seededRandom(seed);
        const content = recovering.afterPowerFailure(() => (random.below(2) === 0 ? 'lost' : 'kept'));
        holds(opened(optionsFor(new CrashStore(content), CHANGES)), run.expected);
      }
    }
  });

  it('voids the log of earlier incarnations, however much longer it was', () => {
    const store = new CrashStore(CREATED);
    const first = new Run(opened(optionsFor(store, CHANGES)));
    for (let extent = 0; extent < 9; extent += 1) {
      first.perform({ kind: 'write', extent });
      first.perform({ kind: 'complete' });
      first.flush();
    }
    const again = new CrashStore(store.stable);
    const second = new Run(opened(optionsFor(again, CHANGES)));
    second.perform({ kind: 'write', extent: 4 });
    assert.deepEqual(opened(optionsFor(new CrashStore(again.stable), CHANGES)).recovery.hotExtents, [4]);
  });

  it('records no clean shutdown while writes are unsettled', () => {
    const store = new CrashStore(CREATED);
    const metadata = opened(optionsFor(store, CHANGES));
    metadata.activityLog.touch(5 * MIB, 4096, () => {});
    metadata.activityLog.release(5 * MIB, 4096, 1);
    metadata.close(() => {});
    const again = opened(optionsFor(new CrashStore(store.stable), CHANGES));
    assert.equal(again.recovery.unclean, true);
    assert.deepEqual(again.recovery.hotExtents, [1]);
  });
});

/** Undefined when the store fell silent before the metadata was open. */
function play(store: CrashStore, steps: readonly Step[]): Expectation | undefined {
  const metadata = tryOpen(optionsFor(store, CHANGES));
  if (metadata === undefined || metadata instanceof EterneError) return undefined;
  const run = new Run(metadata);
  metadata.activityLog.onStarved(() => run.flush());
  for (const action of steps) run.perform(action);
  return run.expected;
}
