/** WRITE (10), (12), (16): SBC-3 §5.33, §5.34, §5.35; WRITE (6): SBC-2 §5.24. */
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { transferRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { writeBlocks } from '../write-blocks.ts';

const FUA_BIT = 0x08;
const WRITE_6 = 0x0a;

function write(request: ScsiRequest, unit: LogicalUnit): void {
  const range = transferRange(request, unit);
  if (range === undefined) return;
  const { cdb } = request;
  const fua = cdb.readUInt8(0) !== WRITE_6 && (cdb.readUInt8(1) & FUA_BIT) !== 0;
  request.receiveAtMost(range.blocks * unit.blockBytes, (data) => {
    writeBlocks(unit, range, data, fua, (error) =>
      error === undefined ? request.good() : request.check(senseOf(error, 'write')),
    );
  });
}

const common = { reservation: 'changes', medium: true, changes: true, run: write } as const;

export const WRITE_COMMANDS: readonly Command[] = [
  { name: 'WRITE (6)', opcode: WRITE_6, usage: '0a 1fffff ff 00', ...common },
  { name: 'WRITE (10)', opcode: 0x2a, usage: '2a 18 ffffffff 1f ffff 00', ...common },
  { name: 'WRITE (12)', opcode: 0xaa, usage: 'aa 18 ffffffff ffffffff 1f 00', ...common },
  { name: 'WRITE (16)', opcode: 0x8a, usage: '8a 18 ffffffffffffffff ffffffff 1f 00', ...common },
];
