/**
 * A mirrored volume behaves like a plain array: whatever is written, zeroed, discarded and flushed, in whatever order, while replicas are
 * killed, lose power, are cut off and take over from each other, a read returns what the array holds; and in the end the replicas are equal.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { findDifference } from '../../src/checkers/identical.ts';
import { Pair, SECTORS, VOLUME_BYTES } from './pair.ts';

const SECTOR_BYTES = 512;

interface Range {
  readonly sector: number;
  readonly sectorCount: number;
}

const range: fc.Arbitrary<Range> = fc
  .record({ place: fc.nat({ max: 63 }), sectorCount: fc.integer({ min: 1, max: 40 }) })
  .map(({ place, sectorCount }) => {
    // Few places, so that ranges overlap, near both ends and across an extent.
    const sector = place < 48 ? place * 5 : SECTORS - (64 - place) * 11;
    return { sector, sectorCount: Math.min(sectorCount, SECTORS - sector) };
  });

type Command = fc.Command<Buffer, Pair>;

function change(
  name: string,
  { sector, sectorCount }: Range,
  fill: number,
  act: (pair: Pair) => void,
): Command {
  const start = sector * SECTOR_BYTES;
  const end = start + sectorCount * SECTOR_BYTES;
  return {
    check: () => true,
    run: (model, pair) => {
      act(pair);
      model.fill(fill, start, end);
    },
    toString: () => `${name}(${sector}+${sectorCount}, ${fill})`,
  };
}

function event(name: string, act: (pair: Pair) => void): Command {
  return { check: () => true, run: (_model, pair) => act(pair), toString: () => name };
}

const write = fc.tuple(range, fc.integer({ min: 1, max: 255 }), fc.boolean()).map(([where, fill, fua]) =>
  change('write', where, fill, (pair) => {
    const data = Buffer.alloc(where.sectorCount * SECTOR_BYTES, fill);
    pair.complete((device, done) => device.write(where.sector * SECTOR_BYTES, data, fua, done));
  }),
);

const zero = fc
  .tuple(range, fc.boolean())
  .map(([where, mayPunch]) =>
    change('zero', where, 0, (pair) =>
      pair.complete((device, done) =>
        device.writeZeroes(
          where.sector * SECTOR_BYTES,
          where.sectorCount * SECTOR_BYTES,
          mayPunch,
          false,
          done,
        ),
      ),
    ),
  );

const discard = range.map((where) =>
  change('discard', where, 0, (pair) =>
    pair.complete((device, done) =>
      device.discard(where.sector * SECTOR_BYTES, where.sectorCount * SECTOR_BYTES, done),
    ),
  ),
);

const read = range.map(({ sector, sectorCount }): Command => {
  const start = sector * SECTOR_BYTES;
  const lengthBytes = sectorCount * SECTOR_BYTES;
  return {
    check: () => true,
    run: (model, pair) =>
      assert.ok(pair.read(start, lengthBytes).equals(model.subarray(start, start + lengthBytes))),
    toString: () => `read(${sector}+${sectorCount})`,
  };
});

const flush = fc.constant(event('flush', (pair) => pair.complete((device, done) => device.flush(done))));
const events = fc.constantFrom(
  event('kill the primary', (pair) => pair.kill('primary')),
  event('kill the secondary', (pair) => pair.kill('secondary')),
  event('power loss of the secondary', (pair) => pair.loseSecondary()),
  event('cut', (pair) => pair.cut()),
  event('heal', (pair) => pair.heal()),
  event('switch over', (pair) => pair.switchOver()),
  event('a while passes', (pair) => pair.wait(700)),
);

test('a volume is an array of bytes', () => {
  const commands = fc.commands([write, write, write, zero, discard, read, read, flush, events], {
    maxCommands: 60,
    size: 'max',
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), commands, (seed, script) => {
      const pair = new Pair(seed);
      const model = Buffer.alloc(VOLUME_BYTES);
      fc.modelRun(() => ({ model, real: pair }), script);
      pair.becomeWhole();
      assert.ok(pair.read(0, VOLUME_BYTES).equals(model));
      assert.equal(findDifference(...pair.disks), undefined);
    }),
    { numRuns: 25, seed: 1 },
  );
});
