import { strict as assert } from 'node:assert';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { NIL_UUID } from '../../src/metadata/index.ts';
import type { Superblock } from '../../src/metadata/superblock.ts';
import { decodeSuperblock, encodeSuperblock } from '../../src/metadata/superblock.ts';

const uuid = fc.uuid();
const name = fc.stringMatching(/^[a-z0-9.-]{1,63}$/);
const count = fc.maxSafeNat();

const superblock: fc.Arbitrary<Superblock> = fc
  .record({
    slots: fc.uniqueArray(name, { maxLength: 32 }),
    numbers: fc.tuple(count, count, count, count, count, count),
    names: fc.tuple(name, fc.constant('SELF'), name),
    uuids: fc.tuple(uuid, uuid, uuid, uuid, uuid, fc.option(uuid, { nil: NIL_UUID })),
    formerIncarnations: fc.array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { maxLength: 15 }),
    history: fc.uniqueArray(uuid, { maxLength: 32 }),
    flags: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
    logEpoch: fc.nat(0xffff_ffff),
    logSlots: fc.integer({ min: 1, max: 32_768 }),
    diskState: fc.constantFrom('Inconsistent', 'Outdated', 'Consistent', 'UpToDate'),
  })
  .map(
    ({
      slots,
      numbers,
      names,
      uuids,
      history,
      flags,
      logEpoch,
      logSlots,
      diskState,
      formerIncarnations,
    }) => ({
      sequence: numbers[0],
      volume: names[0],
      node: names[1],
      sizeBytes: 1 + (numbers[1] % 2 ** 50),
      replicaUuid: uuids[0],
      setLayout: uuids[1],
      createdBytes: 0,
      clean: flags[0],
      logEpoch,
      logSlots,
      slots,
      state: {
        volumeUuid: uuids[1],
        diskState,
        justCreated: flags[1],
        role: flags[2] ? 'primary' : 'secondary',
        crashedPrimary: flags[3],
        promotedAtWallMs: numbers[5],
        undoneSync: uuids[4],
        rescueJournal: uuids[5],
        unconfirmedBytes: flags[5] ? 1 + (numbers[1] % 2 ** 50) : 0,
        term: { number: numbers[2], grantor: names[2] },
        set: { version: numbers[3], members: [...slots.slice(1), ...(flags[4] ? ['SELF'] : [])].sort() },
        incarnation: numbers[4],
        formerIncarnations,
        generations: {
          current: uuids[2],
          bitmaps: Object.fromEntries(slots.map((peer) => [peer, uuids[3]])),
          history,
        },
        peerIncarnations: Object.fromEntries(slots.map((peer, index) => [peer, index])),
      },
    }),
  );

/** Without what came with version 2 or later, but for former incarnations. */
function simple(original: Superblock): Superblock {
  const state = { ...original.state, rescueJournal: NIL_UUID, unconfirmedBytes: 0 };
  return { ...original, setLayout: NIL_UUID, state };
}

describe('the superblock', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(superblock, (original) => {
        const decoded = decodeSuperblock(encodeSuperblock(original));
        assert.equal(decoded.kind, 'valid');
        if (decoded.kind === 'valid') assert.deepEqual(decoded.superblock, original);
      }),
    );
  });

  it('is never valid with any byte changed', () => {
    fc.assert(
      fc.property(superblock, fc.nat(4095), fc.integer({ min: 1, max: 255 }), (original, at, flip) => {
        const page = encodeSuperblock(original);
        page[at] = (page[at] ?? 0) ^ flip;
        assert.notEqual(decodeSuperblock(page).kind, 'valid');
      }),
    );
  });

  it('is too new for an older program as soon as it says what that one does not know', () => {
    fc.assert(
      fc.property(superblock, (original) => {
        const isPlain = original.state.formerIncarnations.length === 0;
        assert.equal(encodeSuperblock(simple(original)).readUInt32LE(12), isPlain ? 1 : 2);
        const hasJournal = original.state.rescueJournal !== NIL_UUID;
        const version = original.state.unconfirmedBytes > 0 ? 4 : hasJournal ? 3 : 2;
        assert.equal(encodeSuperblock(original).readUInt32LE(12), version);
      }),
    );
  });

  it('of version 1 with former incarnations, as they once were written, is read; with a layout it is not', () => {
    fc.assert(
      fc.property(superblock, (original) => {
        const plain = simple(original);
        const decoded = decodeSuperblock(encodeSuperblock(plain, 1));
        assert.deepEqual(decoded, { kind: 'valid', superblock: plain });
        assert.equal(decodeSuperblock(encodeSuperblock(original, 1)).kind, 'corrupt');
      }),
    );
  });

  it('survives hostile bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), (bytes) => {
        const page = Buffer.from(bytes);
        page.write('ETERNMD1', 0, 'latin1');
        assert.equal(decodeSuperblock(page).kind, 'corrupt');
      }),
      { numRuns: 50 },
    );
  });
});
