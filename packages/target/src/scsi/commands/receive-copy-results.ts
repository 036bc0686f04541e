/** RECEIVE COPY RESULTS, COPY STATUS and OPERATING PARAMETERS: SPC-4 §6.24 (LID1). */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import {
  MAX_DESCRIPTOR_LIST_BYTES,
  MAX_SEGMENT_BYTES,
  MAX_SEGMENT_DESCRIPTORS,
  MAX_TARGET_DESCRIPTORS,
} from '../copy/limits.ts';
import { BLOCK_TO_BLOCK, IDENTIFICATION_DESCRIPTOR } from '../copy/parameter-list.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const COMPLETED = 1;
const COMPLETED_WITH_ERRORS = 2;
/** Data segments move in units of 512 bytes. */
const GRANULARITY_LOG2 = 9;

/** `u32 length, status, u16 segments processed, units, u32 transfer count`. */
function copyStatus(request: ScsiRequest, unit: LogicalUnit): void {
  const outcome = unit.copies.take(request.nexus, request.cdb.readUInt8(2));
  if (outcome === undefined)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  const data = Buffer.alloc(12);
  data.writeUInt32BE(data.length - 4, 0);
  data.writeUInt8(outcome.succeeded ? COMPLETED : COMPLETED_WITH_ERRORS, 4);
  data.writeUInt16BE(outcome.segments, 5);
  request.good(data.subarray(0, request.cdb.readUInt32BE(10)));
}

/** Table 244: limits, then the descriptor types that are known, in ascending order. */
function operatingParameters(request: ScsiRequest, _unit: LogicalUnit): void {
  const types = [BLOCK_TO_BLOCK, IDENTIFICATION_DESCRIPTOR];
  const data = Buffer.alloc(44 + types.length);
  data.writeUInt32BE(data.length - 4, 0);
  data.writeUInt16BE(MAX_TARGET_DESCRIPTORS, 8);
  data.writeUInt16BE(MAX_SEGMENT_DESCRIPTORS, 10);
  data.writeUInt32BE(MAX_DESCRIPTOR_LIST_BYTES, 12);
  data.writeUInt32BE(MAX_SEGMENT_BYTES, 16);
  data.writeUInt16BE(1, 34); // total and maximum concurrent copies
  data.writeUInt8(1, 36);
  data.writeUInt8(GRANULARITY_LOG2, 37);
  data.writeUInt8(types.length, 43);
  types.forEach((type, index) => data.writeUInt8(type, 44 + index));
  request.good(data.subarray(0, request.cdb.readUInt32BE(10)));
}

const common = { opcode: 0x84, reservation: 'changes' } as const;

export const RECEIVE_COPY_RESULTS_COMMANDS: readonly Command[] = [
  {
    name: 'RECEIVE COPY STATUS (LID1)',
    serviceAction: 0x00,
    usage: '84 00 ff 00000000000000 ffffffff 00 00',
    ...common,
    run: copyStatus,
  },
  {
    name: 'RECEIVE COPY OPERATING PARAMETERS',
    serviceAction: 0x03,
    usage: '84 03 ff 00000000000000 ffffffff 00 00',
    ...common,
    run: operatingParameters,
  },
];
