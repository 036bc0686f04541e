/** RECEIVE COPY OPERATING PARAMETERS: SPC-4 §6.22. */
import type { Command } from '../command.ts';
import {
  MAX_COPIES_AT_ONCE,
  MAX_DESCRIPTOR_LIST_BYTES,
  MAX_SEGMENT_BYTES,
  MAX_SEGMENT_DESCRIPTORS,
  MAX_TARGET_DESCRIPTORS,
} from '../copy/limits.ts';
import { DESCRIPTOR_TYPES } from '../copy/parameter-list.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

/** Limits, then the descriptor types that are known, in ascending order. */
function operatingParameters(request: ScsiRequest, unit: LogicalUnit): void {
  const data = Buffer.alloc(44 + DESCRIPTOR_TYPES.length);
  data.writeUInt32BE(data.length - 4, 0);
  data.writeUInt16BE(MAX_TARGET_DESCRIPTORS, 8);
  data.writeUInt16BE(MAX_SEGMENT_DESCRIPTORS, 10);
  data.writeUInt32BE(MAX_DESCRIPTOR_LIST_BYTES, 12);
  data.writeUInt32BE(MAX_SEGMENT_BYTES, 16);
  data.writeUInt16BE(MAX_COPIES_AT_ONCE, 34);
  data.writeUInt8(MAX_COPIES_AT_ONCE, 36);
  data.writeUInt8(Math.log2(unit.blockBytes), 37); // DATA SEGMENT GRANULARITY
  data.writeUInt8(DESCRIPTOR_TYPES.length, 43);
  DESCRIPTOR_TYPES.forEach((type, index) => data.writeUInt8(type, 44 + index));
  request.good(data.subarray(0, request.cdb.readUInt32BE(10)));
}

export const RECEIVE_COPY_OPERATING_PARAMETERS: Command = {
  name: 'RECEIVE COPY OPERATING PARAMETERS',
  opcode: 0x84,
  serviceAction: 0x03,
  usage: '84 03 ff 00000000000000 ffffffff 00 00',
  reservation: 'changes',
  run: operatingParameters,
};
