/** Vital product data (SPC-4 §7.8, SBC-3 §6.6). Every page: `device type, page code, u16 length of what follows`. */
import type { LogicalUnit } from '../logical-unit.ts';
import type { TargetPort } from '../ports.ts';
import { blockDeviceCharacteristics } from './block-device-characteristics.ts';
import { blockLimits } from './block-limits.ts';
import { deviceIdentification } from './device-identification.ts';
import { logicalBlockProvisioning } from './logical-block-provisioning.ts';
import { thirdPartyCopy } from './third-party-copy.ts';

type Body = (unit: LogicalUnit, port: TargetPort) => Buffer;

/** In ascending order, as page 00h must list them. */
const PAGES: ReadonlyMap<number, Body> = new Map<number, Body>([
  // Supported VPD pages, SPC-4 §7.8.16.
  [0x00, () => Buffer.from([...PAGES.keys()])],
  // Unit serial number, SPC-4 §7.8.18.
  [0x80, (unit) => Buffer.from(unit.attributes.identity.serial, 'latin1')],
  [0x83, deviceIdentification],
  [0x8f, thirdPartyCopy],
  [0xb0, blockLimits],
  [0xb1, blockDeviceCharacteristics],
  [0xb2, logicalBlockProvisioning],
]);

export function vitalProductData(page: number, unit: LogicalUnit, port: TargetPort): Buffer | undefined {
  const body = PAGES.get(page)?.(unit, port);
  if (body === undefined) return undefined;
  const header = Buffer.from([0, page, 0, 0]);
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}
