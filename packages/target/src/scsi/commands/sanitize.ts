/**
 * SANITIZE: SBC-3 §5.24. BLOCK ERASE gives every block back and makes that durable; afterwards the medium reads as zeroes. OVERWRITE writes a pattern over every
 * block, in passes. Both reach what the store underneath reaches: a file system that writes elsewhere, or a flash disk, may keep blocks of older data.
 * CRYPTOGRAPHIC ERASE is not offered: nothing is encrypted. The operation itself belongs to the unit (`../sanitize/sanitizer.ts`).
 * Parameter list of OVERWRITE: `INVERT << 7 | TEST << 5 | OVERWRITE COUNT, reserved, u16 INITIALIZATION PATTERN LENGTH, INITIALIZATION PATTERN`.
 */
import { SENSE, type Sense } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { MAX_PASSES, type SanitizeMethod } from '../sanitize/record.ts';
import type { Sanitizer } from '../sanitize/sanitizer.ts';

const IMMED_BIT = 0x80;
const AUSE_BIT = 0x20;
const INVERT_BIT = 0x80;
const TEST_BITS = 0x60;
const HEADER_BYTES = 4;

const inCdb = (byte: number): Sense => ({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte } });
const inList = (byte: number): Sense => ({
  ...SENSE.invalidFieldInParameterList,
  field: { inCdb: false, byte },
});

function blockErase(request: ScsiRequest, _unit: LogicalUnit, sanitizer: Sanitizer): void {
  // "PARAMETER LIST LENGTH … shall be set to zero for BLOCK ERASE".
  if (request.cdb.readUInt16BE(7) !== 0) return request.check(inCdb(7));
  begin(request, sanitizer, { kind: 'block-erase' });
}

function overwrite(request: ScsiRequest, unit: LogicalUnit, sanitizer: Sanitizer): void {
  const listBytes = request.cdb.readUInt16BE(7);
  // "Greater than 0004h and less than logical block length + 5".
  if (listBytes <= HEADER_BYTES || listBytes > unit.blockBytes + HEADER_BYTES) return request.check(inCdb(7));
  request.receive(listBytes, (list) => {
    const method = readOverwrite(list, unit.blockBytes);
    if ('key' in method) request.check(method);
    // Another initiator's may have begun while the list was on its way.
    else if (sanitizer.isBusy) request.check(sanitizer.refusal ?? SENSE.sanitizeInProgress);
    else begin(request, sanitizer, method);
  });
}

function readOverwrite(list: Buffer, blockBytes: number): SanitizeMethod | Sense {
  const flags = list.readUInt8(0);
  const passes = flags & MAX_PASSES;
  if (passes === 0 || (flags & TEST_BITS) !== 0) return inList(0);
  if (list.readUInt8(1) !== 0) return inList(1);
  const patternBytes = list.readUInt16BE(2);
  if (patternBytes === 0 || patternBytes > blockBytes || patternBytes > list.length - HEADER_BYTES)
    return inList(2);
  const pattern = Buffer.from(list.subarray(HEADER_BYTES, HEADER_BYTES + patternBytes));
  return { kind: 'overwrite', pattern, passes, invert: (flags & INVERT_BIT) !== 0 };
}

function begin(request: ScsiRequest, sanitizer: Sanitizer, method: SanitizeMethod): void {
  const flags = request.cdb.readUInt8(1);
  const immediate = (flags & IMMED_BIT) !== 0;
  const unrestricted = (flags & AUSE_BIT) !== 0;
  if (!sanitizer.admits(unrestricted)) return request.check(inCdb(1));
  const answer = (refused: Sense | undefined): void =>
    refused === undefined ? request.good() : request.check(refused);
  request.handOver();
  sanitizer.start(
    { method, unrestricted },
    (refused) => {
      if (refused !== undefined || immediate) answer(refused);
    },
    (failed) => {
      if (!immediate) answer(failed);
    },
  );
}

function exitFailureMode(request: ScsiRequest, _unit: LogicalUnit, sanitizer: Sanitizer): void {
  sanitizer.exitFailure((refused) => (refused === undefined ? request.good() : request.check(refused)));
}

/** One after the other, and with a medium: also after a failure, which another one ends. */
function withSanitizer(
  act: (request: ScsiRequest, unit: LogicalUnit, sanitizer: Sanitizer) => void,
): Command['run'] {
  return (request, unit) => {
    const { sanitizer } = unit;
    if (sanitizer === undefined) return request.check(SENSE.invalidOperationCode);
    if (sanitizer.isBusy) return request.check(sanitizer.refusal ?? SENSE.sanitizeInProgress);
    if (unit.medium === 'ejected') return request.check(SENSE.mediumNotPresentTrayOpen);
    act(request, unit, sanitizer);
  };
}

const common = { opcode: 0x48, reservation: 'changes' } as const;

export const SANITIZE_COMMANDS: readonly Command[] = [
  {
    ...common,
    name: 'SANITIZE, OVERWRITE',
    serviceAction: 0x01,
    usage: '48 a1 0000000000 ffff 00',
    changes: true,
    offered: ({ sanitizer }) => sanitizer?.offersOverwrite === true,
    run: withSanitizer(overwrite),
  },
  {
    ...common,
    name: 'SANITIZE, BLOCK ERASE',
    serviceAction: 0x02,
    usage: '48 a2 0000000000 ffff 00',
    changes: true,
    offered: ({ sanitizer }) => sanitizer?.offersErase === true,
    run: withSanitizer(blockErase),
  },
  {
    ...common,
    name: 'SANITIZE, EXIT FAILURE MODE',
    serviceAction: 0x1f,
    usage: '48 bf 0000000000 0000 00',
    offered: ({ sanitizer }) => sanitizer?.offersErase === true || sanitizer?.offersOverwrite === true,
    run: withSanitizer(exitFailureMode),
  },
];
