/** READ (10), (12), (16): SBC-3 §5.11, §5.12, §5.13; READ (6): SBC-2 §5.5. */
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { transferRange } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const FUA_BIT = 0x08;
const READ_6 = 0x08;

function read(request: ScsiRequest, unit: LogicalUnit): void {
  const range = transferRange(request, unit);
  if (range === undefined) return;
  if (range.blocks === 0) return request.good();
  const { cdb } = request;
  const lengthBytes = range.blocks * unit.blockBytes;
  const fromDevice = (): void =>
    unit.read(range, (error, data, give) =>
      error === undefined ? request.good(data, give) : request.check(senseOf(error, 'read')),
    );
  request.reserveReply(lengthBytes, () => {
    if (cdb.readUInt8(0) === READ_6 || (cdb.readUInt8(1) & FUA_BIT) === 0) return fromDevice();
    // "FUA: … read from the medium": what a volatile cache holds of it must be there first.
    unit.device.flush((error) =>
      error === undefined ? fromDevice() : request.check(senseOf(error, 'write')),
    );
  });
}

const common = { reservation: 'reads', medium: true, run: read } as const;

export const READ_COMMANDS: readonly Command[] = [
  { name: 'READ (6)', opcode: READ_6, usage: '08 1fffff ff 00', ...common },
  { name: 'READ (10)', opcode: 0x28, usage: '28 18 ffffffff 1f ffff 00', ...common },
  { name: 'READ (12)', opcode: 0xa8, usage: 'a8 18 ffffffff ffffffff 1f 00', ...common },
  { name: 'READ (16)', opcode: 0x88, usage: '88 18 ffffffffffffffff ffffffff 1f 00', ...common },
];
