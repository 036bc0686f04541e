/** Page B2h (SBC-3 §6.6.4). */
import type { LogicalUnit } from '../logical-unit.ts';

/** LBPU, LBPWS, LBPWS10: UNMAP and WRITE SAME unmap; LBPRZ: unmapped blocks read as zeroes. */
const THIN_FLAGS = 0x80 | 0x40 | 0x20 | 0x04;
/** Provisioning type 2: thin. */
const THIN_TYPE = 2;

export const logicalBlockProvisioning = (unit: LogicalUnit): Buffer =>
  unit.attributes.thin ? Buffer.from([0, THIN_FLAGS, THIN_TYPE, 0]) : Buffer.from([0, 0, 0, 0]);
