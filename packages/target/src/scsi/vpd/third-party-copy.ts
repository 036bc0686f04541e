/**
 * Page 8Fh (SPC-4 §7.8.17): what the copy manager can do. Descriptors in ascending order of their types: `u16 type, u16 length of what follows (a multiple of
 * four), fields`.
 */
import { EXTENDED_COPY } from '../commands/extended-copy.ts';
import { RECEIVE_COPY_OPERATING_PARAMETERS } from '../commands/receive-copy-operating-parameters.ts';
import { RECEIVE_COPY_STATUS } from '../commands/receive-copy-status.ts';
import {
  MAX_COPIES_AT_ONCE,
  MAX_DESCRIPTOR_LIST_BYTES,
  MAX_SEGMENT_BYTES,
  MAX_SEGMENT_DESCRIPTORS,
  MAX_TARGET_DESCRIPTORS,
} from '../copy/limits.ts';
import { DESCRIPTOR_TYPES } from '../copy/parameter-list.ts';
import type { LogicalUnit } from '../logical-unit.ts';

/** In ascending order of operation codes and service actions. */
const COMMANDS = [EXTENDED_COPY, RECEIVE_COPY_STATUS, RECEIVE_COPY_OPERATING_PARAMETERS];

function descriptor(type: number, fields: Buffer): Buffer {
  const padded = Buffer.alloc(4 + Math.ceil(fields.length / 4) * 4);
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(padded.length - 4, 2);
  fields.copy(padded, 4);
  return padded;
}

const counted = (bytes: readonly number[]): Buffer => Buffer.from([bytes.length, ...bytes]);

/** §7.8.17.4: `u8 length, then for each operation code: code, u8 number of service actions, service actions`. */
function supportedCommands(): Buffer {
  const list: number[] = [];
  for (const code of new Set(COMMANDS.map(({ opcode }) => opcode))) {
    const actions = COMMANDS.flatMap(({ opcode, serviceAction }) =>
      opcode === code && serviceAction !== undefined ? [serviceAction] : [],
    );
    list.push(code, ...counted(actions));
  }
  return descriptor(0x0001, counted(list));
}

/** §7.8.17.5. No inline data. */
function parameterData(): Buffer {
  const fields = Buffer.alloc(28);
  fields.writeUInt16BE(MAX_TARGET_DESCRIPTORS, 4);
  fields.writeUInt16BE(MAX_SEGMENT_DESCRIPTORS, 6);
  fields.writeUInt32BE(MAX_DESCRIPTOR_LIST_BYTES, 8);
  return descriptor(0x0004, fields);
}

/** §7.8.17.6. */
const supportedDescriptors = (): Buffer => descriptor(0x0008, counted(DESCRIPTOR_TYPES));

/** §7.8.17.7: none but the indexes of descriptors. */
const supportedIds = (): Buffer => descriptor(0x000c, Buffer.alloc(2));

/** §7.8.17.10. */
function generalOperations(unit: LogicalUnit): Buffer {
  const fields = Buffer.alloc(32);
  fields.writeUInt32BE(MAX_COPIES_AT_ONCE, 0);
  fields.writeUInt32BE(MAX_COPIES_AT_ONCE, 4);
  fields.writeUInt32BE(MAX_SEGMENT_BYTES, 8);
  fields.writeUInt8(Math.log2(unit.blockBytes), 12);
  return descriptor(0x8001, fields);
}

export const thirdPartyCopy = (unit: LogicalUnit): Buffer =>
  Buffer.concat([
    supportedCommands(),
    parameterData(),
    supportedDescriptors(),
    supportedIds(),
    generalOperations(unit),
  ]);
