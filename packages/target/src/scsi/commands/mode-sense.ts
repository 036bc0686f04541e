/** MODE SENSE (6), (10): SPC-4 §6.13, §6.14. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import { MODE_PAGES } from '../mode-pages.ts';
import { writeLba } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const MODE_SENSE_6 = 0x1a;
const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
const DBD_BIT = 0x08;
const LLBAA_BIT = 0x10;
/** PC field. */
const CHANGEABLE = 1;
const SAVED = 3;
/** Device-specific parameter (SBC-4 §6.5.1). */
const WRITE_PROTECT_BIT = 0x80;
const DPOFUA_BIT = 0x10;

function modeSense(request: ScsiRequest, unit: LogicalUnit): void {
  const { cdb } = request;
  const short = cdb.readUInt8(0) === MODE_SENSE_6;
  const control = cdb.readUInt8(2) >> 6;
  const code = cdb.readUInt8(2) & 0x3f;
  const subpage = cdb.readUInt8(3);
  if (control === SAVED) return request.check(SENSE.savingNotSupported);
  const pages = MODE_PAGES.filter((page) => code === ALL_PAGES || page.code === code);
  if (pages.length === 0 || (subpage !== 0 && subpage !== ALL_SUBPAGES))
    return request.check({
      ...SENSE.invalidFieldInCdb,
      field: { inCdb: true, byte: pages.length === 0 ? 2 : 3 },
    });
  const long = !short && (cdb.readUInt8(1) & LLBAA_BIT) !== 0;
  const descriptor = (cdb.readUInt8(1) & DBD_BIT) === 0 ? blockDescriptor(unit, long) : Buffer.alloc(0);
  const values = pages.map((page) => (control === CHANGEABLE ? page.changeable : page.current(unit)));
  const body = Buffer.concat([descriptor, ...values]);
  const specific = DPOFUA_BIT | (unit.writeProtected ? WRITE_PROTECT_BIT : 0);
  const header = short ? header6(body, specific, descriptor) : header10(body, specific, descriptor, long);
  request.good(Buffer.concat([header, body]).subarray(0, short ? cdb.readUInt8(4) : cdb.readUInt16BE(7)));
}

const header6 = (body: Buffer, specific: number, descriptor: Buffer): Buffer =>
  Buffer.from([3 + body.length, 0, specific, descriptor.length]);

function header10(body: Buffer, specific: number, descriptor: Buffer, long: boolean): Buffer {
  const header = Buffer.from([0, 0, 0, specific, long ? 1 : 0, 0, 0, 0]);
  header.writeUInt16BE(6 + body.length, 0);
  header.writeUInt16BE(descriptor.length, 6);
  return header;
}

/** Short (8 bytes) or long (16 bytes) LBA mode parameter block descriptor (SBC-4 §6.5.2). */
function blockDescriptor(unit: LogicalUnit, long: boolean): Buffer {
  const descriptor = Buffer.alloc(long ? 16 : 8);
  if (long) {
    writeLba(descriptor, 0, unit.blocks);
    descriptor.writeUInt32BE(unit.blockBytes, 12);
  } else {
    descriptor.writeUInt32BE(Math.min(unit.blocks, 0xffff_ffff), 0);
    descriptor.writeUIntBE(unit.blockBytes, 5, 3);
  }
  return descriptor;
}

const common = { reservation: 'changes', run: modeSense } as const;

export const MODE_SENSE_COMMANDS: readonly Command[] = [
  { name: 'MODE SENSE (6)', opcode: MODE_SENSE_6, usage: '1a 08 ff ff ff 00', ...common },
  { name: 'MODE SENSE (10)', opcode: 0x5a, usage: '5a 18 ff ff 000000 ffff 00', ...common },
];
