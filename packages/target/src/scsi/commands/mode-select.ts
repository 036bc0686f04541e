/** MODE SELECT (6), (10): SPC-4 §6.11, §6.12. A list is applied whole or not at all. */
import { SENSE, type Sense } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import { MODE_PAGES, type ModePage } from '../mode-pages.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const MODE_SELECT_6 = 0x15;
const SAVE_BIT = 0x01;
const PAGE_FORMAT_BIT = 0x10;
const CODE_MASK = 0x3f;

function modeSelect(request: ScsiRequest, unit: LogicalUnit): void {
  const { cdb } = request;
  const short = cdb.readUInt8(0) === MODE_SELECT_6;
  const flags = cdb.readUInt8(1);
  if ((flags & SAVE_BIT) !== 0 || (flags & PAGE_FORMAT_BIT) === 0)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  const listBytes = short ? cdb.readUInt8(4) : cdb.readUInt16BE(7);
  if (listBytes === 0) return request.good();
  request.receive(listBytes, (list) => {
    const headerBytes = short ? 4 : 8;
    if (list.length < headerBytes) return request.check(SENSE.parameterListLength);
    const descriptorBytes = short ? list.readUInt8(3) : list.readUInt16BE(6);
    const start = headerBytes + descriptorBytes;
    if (start > list.length) return request.check(SENSE.parameterListLength);
    const changes = readPages(list, start, unit);
    if (!Array.isArray(changes)) return request.check(changes);
    for (const { page, bytes } of changes) page.apply(unit, bytes);
    // "a unit attention for the initiator port of every other I_T nexus" (SPC-4 §6.11).
    if (changes.length > 0) unit.attention(SENSE.modeParametersChanged, (nexus) => nexus !== request.nexus);
    request.good();
  });
}

interface Change {
  readonly page: ModePage;
  readonly bytes: Buffer;
}

function readPages(list: Buffer, start: number, unit: LogicalUnit): Change[] | Sense {
  const changes: Change[] = [];
  for (let at = start; at < list.length;) {
    if (at + 2 > list.length) return SENSE.parameterListLength;
    const end = at + 2 + list.readUInt8(at + 1);
    if (end > list.length) return SENSE.parameterListLength;
    const bytes = list.subarray(at, end);
    const page = MODE_PAGES.find(({ code }) => code === (bytes.readUInt8(0) & CODE_MASK));
    if (page === undefined || !changesOnlyChangeable(page, bytes, unit))
      return { ...SENSE.invalidFieldInParameterList, field: { inCdb: false, byte: at } };
    changes.push({ page, bytes });
    at = end;
  }
  return changes;
}

function changesOnlyChangeable(page: ModePage, bytes: Buffer, unit: LogicalUnit): boolean {
  const current = page.current(unit);
  if (bytes.length !== current.length) return false;
  for (let at = 2; at < bytes.length; at += 1)
    if ((((bytes[at] ?? 0) ^ (current[at] ?? 0)) & ~(page.changeable[at] ?? 0)) !== 0) return false;
  return true;
}

const common = { reservation: 'changes', run: modeSelect } as const;

export const MODE_SELECT_COMMANDS: readonly Command[] = [
  { name: 'MODE SELECT (6)', opcode: MODE_SELECT_6, usage: '15 11 0000 ff 00', ...common },
  { name: 'MODE SELECT (10)', opcode: 0x55, usage: '55 11 0000000000 ffff 00', ...common },
];
