/** READ CAPACITY (10) and (16): SBC-3 §5.15, §5.16. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import { writeLba } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const U32_MAX = 0xffff_ffff;
const RESPONSE_16_BYTES = 32;
/** LBPME and LBPRZ: provisioning is managed, and unmapped blocks read as zeroes. */
const LBPME_BIT = 0x80;
const LBPRZ_BIT = 0x40;

function readCapacity10(request: ScsiRequest, unit: LogicalUnit): void {
  // "PMI … zero: LOGICAL BLOCK ADDRESS shall be zero", and PMI is not among the bits we take.
  if (request.cdb.readUInt32BE(2) !== 0)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  const data = Buffer.alloc(8);
  data.writeUInt32BE(Math.min(unit.blocks - 1, U32_MAX), 0);
  data.writeUInt32BE(unit.blockBytes, 4);
  request.good(data);
}

function readCapacity16(request: ScsiRequest, unit: LogicalUnit): void {
  const data = Buffer.alloc(RESPONSE_16_BYTES);
  writeLba(data, 0, unit.blocks - 1);
  data.writeUInt32BE(unit.blockBytes, 8);
  const { physicalBlockBytes = unit.blockBytes } = unit.attributes;
  // LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT
  data.writeUInt8(Math.log2(physicalBlockBytes / unit.blockBytes), 13);
  data.writeUInt8(unit.attributes.thin ? LBPME_BIT | LBPRZ_BIT : 0, 14);
  request.good(data.subarray(0, request.cdb.readUInt32BE(10)));
}

export const READ_CAPACITY_COMMANDS: readonly Command[] = [
  {
    name: 'READ CAPACITY (10)',
    opcode: 0x25,
    usage: '25 00 ffffffff 0000 00 00',
    reservation: 'allowed',
    medium: true,
    run: readCapacity10,
  },
  {
    name: 'READ CAPACITY (16)',
    opcode: 0x9e,
    serviceAction: 0x10,
    usage: '9e 10 0000000000000000 ffffffff 00 00',
    reservation: 'allowed',
    medium: true,
    run: readCapacity16,
  },
];
