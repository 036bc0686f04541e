/** VERIFY (10), (12), (16): SBC-3 §5.29, §5.30, §5.31. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { transferRange, type BlockRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { miscompare } from './compare.ts';

/** BYTCHK field (table 98): 0 checks the medium only, 1 compares block by block, 3 compares every block with one. */
const MEDIUM_ONLY = 0;
const EVERY_BLOCK = 1;
const SAME_BLOCK = 3;

function verify(request: ScsiRequest, unit: LogicalUnit): void {
  const range = transferRange(request, unit);
  if (range === undefined) return;
  const mode = (request.cdb.readUInt8(1) >> 1) & 3;
  switch (mode) {
    case MEDIUM_ONLY:
      return compare(request, unit, range, undefined);
    case EVERY_BLOCK:
      return request.receive(range.blocks * unit.blockBytes, (data) => compare(request, unit, range, data));
    case SAME_BLOCK: {
      const blocks = range.blocks === 0 ? 0 : 1;
      return request.receive(blocks * unit.blockBytes, (data) =>
        compare(request, unit, range, Buffer.alloc(range.blocks * unit.blockBytes, data)),
      );
    }
    default:
      return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  }
}

function compare(
  request: ScsiRequest,
  unit: LogicalUnit,
  range: BlockRange,
  expected: Buffer | undefined,
): void {
  if (range.blocks === 0) return request.good();
  unit.device.read(range.lba * unit.blockBytes, range.blocks * unit.blockBytes, (error, actual) => {
    if (error !== undefined) return request.check(senseOf(error, 'read'));
    const difference = expected && miscompare(expected, actual);
    if (difference === undefined) request.good();
    else request.check(difference);
  });
}

const common = { reservation: 'reads', medium: true, run: verify } as const;

export const VERIFY_COMMANDS: readonly Command[] = [
  { name: 'VERIFY (10)', opcode: 0x2f, usage: '2f 16 ffffffff 1f ffff 00', ...common },
  { name: 'VERIFY (12)', opcode: 0xaf, usage: 'af 16 ffffffff ffffffff 1f 00', ...common },
  { name: 'VERIFY (16)', opcode: 0x8f, usage: '8f 16 ffffffffffffffff ffffffff 1f 00', ...common },
];
