/** Mode pages (SPC-4 §7.5, SBC-4 §6.5): current and changeable values. Nothing is saved. */
import type { LogicalUnit } from './logical-unit.ts';

const D_SENSE_BIT = 0x04;
const SWP_BIT = 0x08;
const WCE_BIT = 0x04;

export interface ModePage {
  readonly code: number;
  current(unit: LogicalUnit): Buffer;
  /** A one for every bit that MODE SELECT may change. */
  readonly changeable: Buffer;
  apply(unit: LogicalUnit, page: Buffer): void;
}

const fixed = (bytes: Buffer): ModePage => ({
  code: bytes.readUInt8(0),
  current: () => bytes,
  changeable: pageOf(bytes.readUInt8(0), bytes.length - 2),
  apply: () => {},
});

function pageOf(code: number, bodyBytes: number, fields: Readonly<Record<number, number>> = {}): Buffer {
  const page = Buffer.alloc(2 + bodyBytes);
  page.writeUInt8(code, 0);
  page.writeUInt8(bodyBytes, 1);
  for (const [at, value] of Object.entries(fields)) page.writeUInt8(value, Number(at));
  return page;
}

/** SPC-4 §7.5.8. */
const CONTROL: ModePage = {
  code: 0x0a,
  current: (unit) =>
    pageOf(0x0a, 0x0a, {
      2: unit.descriptorSense ? D_SENSE_BIT : 0,
      // QUEUE ALGORITHM MODIFIER 1: commands may be reordered without restriction.
      3: 0x10,
      4: unit.softwareWriteProtect ? SWP_BIT : 0,
      8: 0xff, // BUSY TIMEOUT PERIOD: unlimited
      9: 0xff,
    }),
  changeable: pageOf(0x0a, 0x0a, { 2: D_SENSE_BIT, 4: SWP_BIT }),
  apply(unit, page) {
    unit.descriptorSense = (page.readUInt8(2) & D_SENSE_BIT) !== 0;
    unit.softwareWriteProtect = (page.readUInt8(4) & SWP_BIT) !== 0;
  },
};

/** In ascending order of page codes, as all pages together must be listed. */
export const MODE_PAGES: readonly ModePage[] = [
  fixed(pageOf(0x01, 0x0a)), // read-write error recovery, SBC-4 §6.5.10
  fixed(pageOf(0x08, 0x12, { 2: WCE_BIT })), // caching, SBC-4 §6.5.6: writes are cached until a SYNCHRONIZE CACHE
  CONTROL,
  fixed(pageOf(0x1c, 0x0a)), // informational exceptions control, SBC-4 §6.5.8
];
