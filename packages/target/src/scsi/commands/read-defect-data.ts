/** READ DEFECT DATA (10), (12): SBC-3 §5.17, §5.18. A virtual medium has no defects: both lists are empty, in the format asked for. */
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

/** REQ_PLIST, REQ_GLIST and the list format, which the answer repeats. */
const ECHO_MASK = 0x1f;

function readDefectData10(request: ScsiRequest, _unit: LogicalUnit): void {
  const data = Buffer.alloc(4);
  data.writeUInt8(request.cdb.readUInt8(2) & ECHO_MASK, 1);
  request.good(data.subarray(0, request.cdb.readUInt16BE(7)));
}

function readDefectData12(request: ScsiRequest, _unit: LogicalUnit): void {
  const data = Buffer.alloc(8);
  data.writeUInt8(request.cdb.readUInt8(1) & ECHO_MASK, 1);
  request.good(data.subarray(0, request.cdb.readUInt32BE(6)));
}

const common = { reservation: 'reads', medium: true } as const;

export const READ_DEFECT_DATA_COMMANDS: readonly Command[] = [
  {
    name: 'READ DEFECT DATA (10)',
    opcode: 0x37,
    usage: '37 00 1f 00000000 ffff 00',
    ...common,
    run: readDefectData10,
  },
  {
    name: 'READ DEFECT DATA (12)',
    opcode: 0xb7,
    usage: 'b7 1f ffffffff ffffffff 00 00',
    ...common,
    run: readDefectData12,
  },
];
