/** Sanitize operations in virtual time: what is written at which pace, what a restart finds at every moment, and how failures end. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { EterneError, MIB } from '@eterne/base';
import { SENSE, type Sense } from '@eterne/iscsi';
import type { BlockDevice, DeviceErrorCode } from '@eterne/runtime';
import { identityFrom } from '@eterne/target/scsi/identity.ts';
import { LogicalUnit } from '@eterne/target/scsi/logical-unit.ts';
import { ReservationKeeper } from '@eterne/target/scsi/reservations/keeper.ts';
import {
  decodeSanitize,
  encodeSanitize,
  type SanitizeJob,
  type SanitizeRecord,
} from '@eterne/target/scsi/sanitize/record.ts';

const SIZE_BYTES = 4 * MIB;
const OLD = 0x11;
const PATTERN = Buffer.from([0xaa, 0x0f, 0x00]);
const OVERWRITE: SanitizeJob = {
  method: { kind: 'overwrite', pattern: PATTERN, passes: 1, invert: false },
  unrestricted: false,
};

const overwrite = (passes: number, invert: boolean, unrestricted = false): SanitizeJob => ({
  method: { kind: 'overwrite', pattern: PATTERN, passes, invert },
  unrestricted,
});

/** A LUN in memory whose process may stop and begin anew. */
class Place {
  readonly memory = Buffer.alloc(SIZE_BYTES, OLD);
  /** Of each pass, what its flush found in the first block. */
  readonly flushed: Buffer[] = [];
  saved: Buffer | undefined;
  nowMs = 0;
  deviceFails: DeviceErrorCode | undefined;
  cannotSave = false;
  #timers: { readonly atMs: number; readonly fire: () => void }[] = [];

  start(): LogicalUnit {
    this.#timers = [];
    const found = this.saved && decodeSanitize(this.saved, 'file');
    assert.ok(!(found instanceof EterneError));
    const unit = new LogicalUnit(
      1,
      this.#device,
      {
        blockBytes: 512,
        thin: true,
        removable: false,
        identity: identityFrom('test'),
        sanitize: {
          timers: {
            after: (delayMs, fire) => {
              this.#timers.push({ atMs: this.nowMs + delayMs, fire });
              return { cancel: () => {} };
            },
          },
          clock: { bootMs: () => this.nowMs },
          store: { save: (record, done) => this.#save(record, done) },
          found,
          offers: 'overwrite',
          bytesPerSecond: MIB,
        },
      },
      ReservationKeeper.volatile(),
    );
    unit.sanitizer?.resume();
    return unit;
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const next = this.#timers.findIndex(({ atMs }) => atMs <= endMs);
      if (next < 0) break;
      const [timer] = this.#timers.splice(next, 1);
      this.nowMs = timer?.atMs ?? endMs;
      timer?.fire();
    }
    this.nowMs = endMs;
  }

  #save(record: SanitizeRecord | undefined, done: (error: EterneError | undefined) => void): void {
    if (this.cannotSave) return done(new EterneError('io', 'no room'));
    this.saved = record && encodeSanitize(record);
    done(undefined);
  }

  get #device(): BlockDevice {
    return {
      name: 'memory',
      sizeBytes: SIZE_BYTES,
      readOnly: false,
      term: 0,
      read: (offset, lengthBytes, done) =>
        done(undefined, this.memory.subarray(offset, offset + lengthBytes)),
      write: (offset, data, _fua, done) => {
        if (this.deviceFails === undefined) data.copy(this.memory, offset);
        done(this.deviceFails);
      },
      flush: (done) => {
        this.flushed.push(Buffer.from(this.memory.subarray(0, 512)));
        done(undefined);
      },
      discard: () => assert.fail('not discarded'),
      writeZeroes: (offset, lengthBytes, _mayPunch, _fua, done) => {
        this.memory.fill(0, offset, offset + lengthBytes);
        done(undefined);
      },
    };
  }
}

function begin(unit: LogicalUnit, job: SanitizeJob): { readonly ended: (Sense | undefined)[] } {
  const ended: (Sense | undefined)[] = [];
  unit.sanitizer?.start(
    job,
    (refused) => assert.equal(refused, undefined),
    (failed) => ended.push(failed),
  );
  return { ended };
}

const block = Buffer.alloc(512, PATTERN);
const whole = Buffer.alloc(SIZE_BYTES, block);
const inverted = Buffer.from(block.map((byte) => byte ^ 0xff));

it('overwrites every block at its pace, refuses everything meanwhile and says how far it is', () => {
  const place = new Place();
  const unit = place.start();
  const { ended } = begin(unit, OVERWRITE);
  place.run(1900);
  assert.deepEqual(unit.mediumRefusal, { ...SENSE.sanitizeInProgress, progress: 0x8000 });
  unit.change(
    { lba: 0, blocks: 1 },
    false,
    () => assert.fail('refused'),
    (error) => assert.equal(error, 'ESHUTDOWN'),
  );
  unit.read({ lba: 0, blocks: 1 }, (error) => assert.equal(error, 'ESHUTDOWN'));
  assert.deepEqual(ended, []);
  place.run(2200);
  assert.deepEqual(ended, [undefined]);
  assert.equal(unit.mediumRefusal, undefined);
  assert.ok(place.memory.equals(whole));
  assert.equal(place.saved, undefined);
});

it('writes and flushes as many passes as asked for, inverted so that the last one is the pattern', () => {
  const place = new Place();
  const { ended } = begin(place.start(), overwrite(4, true));
  place.run(20_000);
  assert.deepEqual(ended, [undefined]);
  assert.deepEqual(place.flushed, [inverted, block, inverted, block]);
});

it('waits for what is under way, and erases to zeroes', () => {
  const place = new Place();
  const unit = place.start();
  let finish = (): void => {};
  unit.change(
    { lba: 8, blocks: 1 },
    false,
    (done) => (finish = () => done(undefined)),
    () => {},
  );
  const { ended } = begin(unit, { method: { kind: 'block-erase' }, unrestricted: false });
  assert.equal(place.memory[0], OLD);
  finish();
  assert.deepEqual(ended, [undefined]);
  assert.ok(place.memory.every((byte) => byte === 0));
});

it('goes on after a restart at any moment, from what was flushed', () => {
  for (let stopMs = 0; stopMs <= 8500; stopMs += 500) {
    const place = new Place();
    begin(place.start(), overwrite(2, false));
    place.run(stopMs);
    const unit = place.start();
    const isOver = place.saved === undefined;
    assert.equal(unit.mediumRefusal === undefined, isOver);
    // The second pass is not followed by the first one again.
    const leftMs = isOver ? 0 : stopMs > 4000 ? 4100 : 8200;
    place.run(leftMs);
    assert.equal(unit.mediumRefusal, undefined, `stopped after ${stopMs} ms`);
    assert.equal(place.saved, undefined);
    assert.ok(place.memory.equals(whole));
  }
});

it('stays failed, also after a restart, until another one succeeds', () => {
  const place = new Place();
  let unit = place.start();
  const { ended } = begin(unit, OVERWRITE);
  place.deviceFails = 'EIO';
  place.run(10_000);
  assert.deepEqual(ended, [SENSE.sanitizeFailed]);
  unit = place.start();
  assert.equal(unit.mediumRefusal, SENSE.sanitizeFailed);
  unit.sanitizer?.exitFailure((refused) => assert.equal(refused, SENSE.invalidFieldInCdb));
  assert.equal(unit.sanitizer?.admits(true), false);
  assert.equal(unit.sanitizer.admits(false), true);
  place.deviceFails = undefined;
  begin(unit, OVERWRITE);
  place.run(10_000);
  assert.equal(unit.mediumRefusal, undefined);
  assert.ok(place.memory.equals(whole));
});

it('lets the failure of an unrestricted one be ended, when that can be kept', () => {
  const place = new Place();
  const unit = place.start();
  begin(unit, overwrite(1, false, true));
  place.deviceFails = 'EIO';
  place.run(10_000);
  place.cannotSave = true;
  unit.sanitizer?.exitFailure((refused) => assert.equal(refused, SENSE.internalTargetFailure));
  assert.equal(unit.mediumRefusal, SENSE.sanitizeFailed);
  place.cannotSave = false;
  unit.sanitizer?.exitFailure((refused) => assert.equal(refused, undefined));
  assert.equal(unit.mediumRefusal, undefined);
  assert.equal(place.start().mediumRefusal, undefined);
});

it('takes no command before a restart would leave what they write alone', () => {
  const place = new Place();
  const unit = place.start();
  const { ended } = begin(unit, OVERWRITE);
  place.run(3500);
  place.cannotSave = true;
  place.run(10_000);
  assert.deepEqual(ended, [SENSE.sanitizeFailed]);
  assert.equal(unit.mediumRefusal, SENSE.sanitizeFailed);
});

it('begins nothing that it cannot keep, and guesses no damaged record', () => {
  const place = new Place();
  place.cannotSave = true;
  const unit = place.start();
  unit.sanitizer?.start(
    OVERWRITE,
    (refused) => assert.equal(refused, SENSE.internalTargetFailure),
    () => assert.fail('not begun'),
  );
  assert.equal(unit.mediumRefusal, undefined);
  assert.equal(place.memory[0], OLD);
  const record = encodeSanitize({ job: OVERWRITE, state: 'running', sizeBytes: SIZE_BYTES, doneBytes: 0 });
  for (let at = 0; at < record.length; at += 1) {
    const damaged = Buffer.from(record);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    const read = decodeSanitize(damaged, 'file');
    if (at !== record.length - 1) assert.ok(read instanceof EterneError, `byte ${at}`);
  }
});

it('stops when its process ends, and the next one goes on', () => {
  const place = new Place();
  const unit = place.start();
  begin(unit, OVERWRITE);
  place.run(1500);
  let isStopped = false;
  unit.sanitizer?.close(() => (isStopped = true));
  assert.equal(isStopped, false);
  place.run(10_000);
  assert.equal(isStopped, true);
  assert.equal(place.memory.at(-1), OLD);
  assert.notEqual(place.start().mediumRefusal, undefined);
});
