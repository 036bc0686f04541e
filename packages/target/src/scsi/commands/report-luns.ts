/** REPORT LUNS: SPC-4 §6.33. The session knows what its target has; see `target.ts`. */
import { SENSE, writeLun } from '@eterne/iscsi';
import type { ScsiRequest } from '../scsi-request.ts';

export const REPORT_LUNS_OPCODE = 0xa0;
export const REPORT_LUNS_USAGE = 'a0 00 ff 000000 ffffffff 00 00';
/** SELECT REPORT: 0 and 2 list logical units, 1 well-known ones, of which there are none. */
const WELL_KNOWN_ONLY = 1;
const LAST_SELECT_REPORT = 2;
const MIN_ALLOCATION_BYTES = 16;

export function reportLuns(request: ScsiRequest, luns: readonly number[]): void {
  const select = request.cdb.readUInt8(2);
  const allocationBytes = request.cdb.readUInt32BE(6);
  if (select > LAST_SELECT_REPORT)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  if (allocationBytes < MIN_ALLOCATION_BYTES)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 6 } });
  const listed = select === WELL_KNOWN_ONLY ? [] : luns;
  const data = Buffer.alloc(8 + 8 * listed.length);
  data.writeUInt32BE(8 * listed.length, 0);
  listed.forEach((lun, index) => writeLun(data, 8 + 8 * index, lun));
  request.good(data.subarray(0, allocationBytes));
}
