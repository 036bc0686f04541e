/**
 * VERIFY (10), (12), (16): SBC-3 §5.29, §5.30, §5.31. The medium is read in pieces: a command that transfers nothing is outside the session's bound on data, so
 * it may hold little.
 */
import { SENSE, type Sense } from '@eterne/iscsi';
import { inPieces } from '@eterne/runtime';
import { VERIFY_PIECE_BYTES } from '../../limits.ts';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { transferRange, type BlockRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { miscompare } from './compare.ts';

/** BYTCHK field: 0 checks the medium only, 1 compares block by block, 3 compares every block with one. */
const MEDIUM_ONLY = 0;
const EVERY_BLOCK = 1;
const SAME_BLOCK = 3;

function verify(request: ScsiRequest, unit: LogicalUnit): void {
  const range = transferRange(request, unit);
  if (range === undefined) return;
  const mode = (request.cdb.readUInt8(1) >> 1) & 3;
  switch (mode) {
    case MEDIUM_ONLY:
      return compare(request, unit, range, () => undefined);
    case EVERY_BLOCK:
      return request.receive(range.blocks * unit.blockBytes, (data) =>
        compare(request, unit, range, (at, lengthBytes) => data.subarray(at, at + lengthBytes)),
      );
    case SAME_BLOCK: {
      const blocks = range.blocks === 0 ? 0 : 1;
      return request.receive(blocks * unit.blockBytes, (data) =>
        compare(request, unit, range, (_at, lengthBytes) => Buffer.alloc(lengthBytes, data)),
      );
    }
    default:
      return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  }
}

/** `expected`: what should be at an offset of the range, or undefined when any bytes will do. */
function compare(
  request: ScsiRequest,
  unit: LogicalUnit,
  range: BlockRange,
  expected: (at: number, lengthBytes: number) => Buffer | undefined,
): void {
  const start = range.lba * unit.blockBytes;
  const verifyPiece = (at: number, lengthBytes: number, next: (failure: Sense | undefined) => void): void =>
    unit.device.read(at, lengthBytes, (error, actual) => {
      if (error !== undefined) return next(senseOf(error, 'read'));
      const wanted = expected(at - start, lengthBytes);
      const difference = wanted && miscompare(wanted, actual, at - start);
      next(difference);
    });
  inPieces(start, start + range.blocks * unit.blockBytes, VERIFY_PIECE_BYTES, verifyPiece, (failure) =>
    failure === undefined ? request.good() : request.check(failure),
  );
}

const common = { reservation: 'reads', medium: true, run: verify } as const;

export const VERIFY_COMMANDS: readonly Command[] = [
  { name: 'VERIFY (10)', opcode: 0x2f, usage: '2f 16 ffffffff 1f ffff 00', ...common },
  { name: 'VERIFY (12)', opcode: 0xaf, usage: 'af 16 ffffffff ffffffff 1f 00', ...common },
  { name: 'VERIFY (16)', opcode: 0x8f, usage: '8f 16 ffffffffffffffff ffffffff 1f 00', ...common },
];
