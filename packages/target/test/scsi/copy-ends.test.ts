/** A copy writes to a logical unit that its command was not sent to: who ends the tasks there ends the copy. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MIB } from '@eterne/base';
import { SENSE, type Sense } from '@eterne/iscsi';
import type { BlockDevice } from '@eterne/runtime';
import { identityFrom } from '@eterne/target/scsi/identity.ts';
import { LogicalUnit } from '@eterne/target/scsi/logical-unit.ts';
import type { Nexus } from '@eterne/target/scsi/nexus.ts';
import { ONLY_PORT } from '@eterne/target/scsi/ports.ts';
import { ReservationKeeper } from '@eterne/target/scsi/reservations/keeper.ts';
import { resetUnit } from '@eterne/target/scsi/reset.ts';
import type { ScsiRequest } from '@eterne/target/scsi/scsi-request.ts';
import { ScsiTarget } from '@eterne/target/scsi/scsi-target.ts';

const BLOCK_BYTES = 512;
const COPIED_BYTES = 4 * MIB;
const SIZE_BYTES = 8 * MIB;
const WRITE_EXCLUSIVE = 1;

type Outcome = Sense | 'good' | 'conflict' | undefined;

const nexusOf = (port: string): Nexus => ({
  initiatorName: port,
  initiatorPort: port,
  targetPort: ONLY_PORT,
  abortTasks: (_unit, _except, done) => done(), // its only command is on the other unit
});

const COPIER = nexusOf('copier');
const OTHER = nexusOf('other');

class Place {
  writes = 0;
  readonly #held: (() => void)[] = [];
  readonly from = this.#unit(1);
  readonly to = this.#unit(2);
  readonly #target = new ScsiTarget('iqn.test', [this.from, this.to]);

  /** The write that waits is done; the next one waits again. */
  proceed(): void {
    this.#held.shift()?.();
  }

  #unit(lun: number): LogicalUnit {
    const device: BlockDevice = {
      name: `lun ${lun}`,
      sizeBytes: SIZE_BYTES,
      readOnly: false,
      term: 1,
      read: (_offset, lengthBytes, done) => done(undefined, Buffer.alloc(lengthBytes)),
      write: (_offset, _data, _fua, done) => {
        this.writes += 1;
        this.#held.push(() => done(undefined));
      },
      flush: (done) => done(undefined),
      discard: (_offset, _lengthBytes, done) => done(undefined),
      writeZeroes: (_offset, _lengthBytes, _mayPunch, _fua, done) => done(undefined),
    };
    const attributes = {
      blockBytes: BLOCK_BYTES,
      thin: false,
      removable: false,
      identity: identityFrom(`test ${lun}`),
    } as const;
    return new LogicalUnit(lun, device, attributes, ReservationKeeper.volatile());
  }

  /** Answers what became of it so far. */
  send(nexus: Nexus, unit: LogicalUnit, cdb: string, data: Buffer): () => Outcome {
    let outcome: Outcome;
    const bytes = Buffer.alloc(16);
    Buffer.from(cdb.replaceAll(' ', ''), 'hex').copy(bytes);
    const request: ScsiRequest = {
      nexus,
      cdb: bytes,
      isAborted: false,
      receive: (_lengthBytes, then) => then(data),
      receiveAtMost: () => assert.fail('not used'),
      reserveReply: () => assert.fail('not used'),
      handOver: () => assert.fail('not used'),
      good: () => (outcome = 'good'),
      conditionMet: () => assert.fail('not used'),
      conflict: () => (outcome = 'conflict'),
      check: (sense) => (outcome = sense),
    };
    this.#target.execute(request, unit);
    return () => outcome;
  }

  /** Of the first half of one unit to the other. */
  copy(): () => Outcome {
    const list = Buffer.alloc(16 + 2 * 32 + 28);
    list.writeUInt16BE(2 * 32, 2);
    list.writeUInt32BE(28, 8);
    [this.from, this.to].forEach((unit, index) => {
      Buffer.from('e400000001030008', 'hex').copy(list, 16 + 32 * index);
      unit.attributes.identity.naa.copy(list, 24 + 32 * index);
    });
    Buffer.from('02000018 0000 0001 0000'.replaceAll(' ', ''), 'hex').copy(list, 80);
    list.writeUInt16BE(COPIED_BYTES / BLOCK_BYTES, 90);
    return this.send(COPIER, this.from, `8300 0000000000000000 000000${list.length.toString(16)}`, list);
  }

  reserveOut(nexus: Nexus, action: string, key: number, newKey: number): () => Outcome {
    const list = Buffer.alloc(24);
    list.writeBigUInt64BE(BigInt(key), 0);
    list.writeBigUInt64BE(BigInt(newKey), 8);
    return this.send(nexus, this.to, `5f ${action} 0${WRITE_EXCLUSIVE} 0000 00000018 00`, list);
  }
}

it('ends with a reset of the unit that it writes to, which waits for its last write', () => {
  const place = new Place();
  const copied = place.copy();
  let isReset = false;
  resetUnit(place.to, SENSE.busDeviceReset, () => (isReset = true));
  assert.equal(isReset, false);
  place.proceed();
  assert.equal(isReset, true);
  assert.equal(place.writes, 1);
  assert.deepEqual(copied(), SENSE.copyTargetNotReachable);
});

it('ends with a PREEMPT AND ABORT of its initiator there, which waits for its last write', () => {
  const place = new Place();
  place.reserveOut(COPIER, '06', 0, 1);
  place.reserveOut(COPIER, '01', 1, 0);
  place.reserveOut(OTHER, '06', 0, 2);
  const copied = place.copy();
  const preempted = place.reserveOut(OTHER, '05', 2, 1);
  assert.equal(preempted(), undefined);
  place.proceed();
  assert.equal(preempted(), 'good');
  assert.equal(place.writes, 1);
  assert.deepEqual(copied(), SENSE.copyTargetNotReachable);
});

it('ends when its initiator may not write there any more', () => {
  const place = new Place();
  const copied = place.copy();
  place.reserveOut(OTHER, '06', 0, 2);
  assert.equal(place.reserveOut(OTHER, '01', 2, 0)(), 'good');
  place.proceed();
  assert.equal(place.writes, 1);
  assert.deepEqual(copied(), SENSE.copyTargetNotReachable);
});

it('copies all of it when nobody ends it', () => {
  const place = new Place();
  const copied = place.copy();
  for (let done = 0; done < COPIED_BYTES; done += MIB) place.proceed();
  assert.equal(place.writes, COPIED_BYTES / MIB);
  assert.equal(copied(), 'good');
});
