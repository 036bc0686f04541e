/** INQUIRY: SPC-4 §6.6. Standard data, or one of the vital product data pages in `vpd/`. */
import { SENSE } from '@eterne/iscsi';
import type { Command } from '../command.ts';
import { PRODUCT, REVISION, VENDOR } from '../identity.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';
import { vitalProductData } from '../vpd/pages.ts';

const EVPD_BIT = 0x01;
const STANDARD_BYTES = 96;
const SPC_4 = 0x06;
const RESPONSE_FORMAT = 0x02;
const HISUP_BIT = 0x10;
const REMOVABLE_BIT = 0x80;
/** Implicit asymmetric logical unit access (TPGS = 01b). */
const IMPLICIT_ALUA = 0x10;
const THIRD_PARTY_COPY_BIT = 0x08;
/** The target has several ports. */
const MULTIP_BIT = 0x10;
const COMMAND_QUEUEING_BIT = 0x02;
/** SAM-5, iSCSI, SPC-4, SBC-3 (no version claimed of each). */
const VERSION_DESCRIPTORS = [0x00a0, 0x0960, 0x0460, 0x04c0];
/** Peripheral qualifier 011b, device type 1Fh: there cannot be a unit at this LUN. */
const NO_UNIT = 0x7f;

function inquiry(request: ScsiRequest, unit: LogicalUnit): void {
  const { cdb } = request;
  const evpd = (cdb.readUInt8(1) & EVPD_BIT) !== 0;
  const page = cdb.readUInt8(2);
  if (!evpd && page !== 0)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  const data = evpd
    ? vitalProductData(page, unit, request.nexus.targetPort)
    : standardData(unit.attributes.removable, unit.ports.length > 1);
  if (data === undefined)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  request.good(data.subarray(0, cdb.readUInt16BE(3)));
}

function standardData(removable: boolean, hasSeveralPorts: boolean): Buffer {
  const data = Buffer.alloc(STANDARD_BYTES);
  data.writeUInt8(removable ? REMOVABLE_BIT : 0, 1);
  data.writeUInt8(SPC_4, 2);
  data.writeUInt8(HISUP_BIT | RESPONSE_FORMAT, 3);
  data.writeUInt8(STANDARD_BYTES - 5, 4);
  data.writeUInt8(IMPLICIT_ALUA | THIRD_PARTY_COPY_BIT, 5);
  data.writeUInt8(hasSeveralPorts ? MULTIP_BIT : 0, 6);
  data.writeUInt8(COMMAND_QUEUEING_BIT, 7);
  data.write(VENDOR.padEnd(8), 8, 'latin1');
  data.write(PRODUCT.padEnd(16), 16, 'latin1');
  data.write(REVISION.padEnd(4), 32, 'latin1');
  VERSION_DESCRIPTORS.forEach((version, index) => data.writeUInt16BE(version, 58 + 2 * index));
  return data;
}

/** INQUIRY to a LUN without a logical unit is answered, not refused (SPC-4 §6.6.2). */
export function inquiryWithoutUnit(request: ScsiRequest): void {
  if ((request.cdb.readUInt8(1) & EVPD_BIT) !== 0)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } });
  const data = standardData(false, false);
  data.writeUInt8(NO_UNIT, 0);
  request.good(data.subarray(0, request.cdb.readUInt16BE(3)));
}

export const INQUIRY: Command = {
  name: 'INQUIRY',
  opcode: 0x12,
  usage: '12 01 ff ffff 00',
  reservation: 'allowed',
  run: inquiry,
};
