/**
 * Page 83h (SPC-4 §7.8.6): NAA and T10 vendor identifiers of the logical unit, then relative target port and target port group.
 * Designator: `code set, association << 4 | type, reserved, length, bytes`.
 */
import { VENDOR } from '../identity.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { TargetPort } from '../ports.ts';

const BINARY = 1;
const ASCII = 2;
const OF_UNIT = 0x00;
const OF_PORT = 0x10;
/** PIV and the protocol identifier of iSCSI (5) belong to designators of a port. */
const ISCSI_BINARY = 0x50 | BINARY;
const PIV_BIT = 0x80;
const TYPE = { t10Vendor: 1, naa: 3, relativePort: 4, portGroup: 5 } as const;

function designator(codeSet: number, flagsAndType: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([codeSet, flagsAndType, 0, bytes.length]), bytes]);
}

const portNumber = (number: number): Buffer => Buffer.from([0, 0, number >> 8, number & 0xff]);

export function deviceIdentification(unit: LogicalUnit, port: TargetPort): Buffer {
  const { naa, serial } = unit.attributes.identity;
  return Buffer.concat([
    designator(BINARY, OF_UNIT | TYPE.naa, naa),
    designator(ASCII, OF_UNIT | TYPE.t10Vendor, Buffer.from(`${VENDOR.padEnd(8)}${serial}`, 'latin1')),
    designator(ISCSI_BINARY, PIV_BIT | OF_PORT | TYPE.relativePort, portNumber(port.relative)),
    designator(ISCSI_BINARY, PIV_BIT | OF_PORT | TYPE.portGroup, portNumber(port.group)),
  ]);
}
