/** WRITE AND VERIFY (10), (12), (16): SBC-3 §5.37, §5.38, §5.39: durable, then read back. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { transferRange, type BlockRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { writeBlocks } from '../write-blocks.ts';
import { miscompare } from './compare.ts';

const RESERVED_BYTCHK = 2;

function writeAndVerify(request: ScsiRequest, unit: LogicalUnit): void {
  const range = transferRange(request, unit);
  if (range === undefined) return;
  const mode = (request.cdb.readUInt8(1) >> 1) & 3;
  if (mode >= RESERVED_BYTCHK)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  request.receiveAtMost(range.blocks * unit.blockBytes, (data) => {
    // The device owns what it is given, and may change it; the comparison needs the initiator's bytes.
    const sent = mode === 0 ? undefined : Buffer.from(data);
    const lengthBytes = data.length;
    writeBlocks(unit, range, data, true, (error) => {
      if (error !== undefined) return request.check(senseOf(error, 'write'));
      readBack(request, unit, range, lengthBytes, sent);
    });
  });
}

function readBack(
  request: ScsiRequest,
  unit: LogicalUnit,
  range: BlockRange,
  lengthBytes: number,
  sent: Buffer | undefined,
): void {
  if (lengthBytes === 0) return request.good();
  const blocks = Math.ceil(lengthBytes / unit.blockBytes);
  unit.device.read(range.lba * unit.blockBytes, blocks * unit.blockBytes, (error, actual) => {
    if (error !== undefined) return request.check(senseOf(error, 'read'));
    const difference = sent && miscompare(sent, actual.subarray(0, lengthBytes));
    if (difference === undefined) request.good();
    else request.check(difference);
  });
}

const common = { reservation: 'changes', medium: true, changes: true, run: writeAndVerify } as const;

export const WRITE_AND_VERIFY_COMMANDS: readonly Command[] = [
  { name: 'WRITE AND VERIFY (10)', opcode: 0x2e, usage: '2e 16 ffffffff 1f ffff 00', ...common },
  { name: 'WRITE AND VERIFY (12)', opcode: 0xae, usage: 'ae 16 ffffffff ffffffff 1f 00', ...common },
  { name: 'WRITE AND VERIFY (16)', opcode: 0x8e, usage: '8e 16 ffffffffffffffff ffffffff 1f 00', ...common },
];
