/**
 * SCSI Response (RFC 7143 §11.4).
 * `0: 21  1: F . . o u O U .  2: response  3: status  16: ITT  20: SNACK tag  24: StatSN, ExpCmdSN, MaxCmdSN  36: ExpDataSN  44: residual`;
 * data: `u16 sense length, sense`.
 */
import { FINAL_BIT, RESPONSE } from '../wire.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

const OVERFLOW_BIT = 0x04;
const UNDERFLOW_BIT = 0x02;

/** Bytes by which the data differed from the expected data transfer length. */
export type Residual =
  | { readonly kind: 'none' }
  | { readonly kind: 'underflow'; readonly bytes: number }
  | { readonly kind: 'overflow'; readonly bytes: number };

export const NO_RESIDUAL: Residual = { kind: 'none' };

export interface ScsiResponse extends ResponseNumbers {
  readonly response: number;
  readonly status: number;
  readonly initiatorTaskTag: number;
  readonly expDataSn: number;
  readonly residual: Residual;
}

/** Flags of a residual, which a Data-In with status has in the same places. */
export function residualFlags(residual: Residual): number {
  if (residual.kind === 'none') return 0;
  return residual.kind === 'overflow' ? OVERFLOW_BIT : UNDERFLOW_BIT;
}

export function readResidual(from: Buffer): Residual {
  const flags = from.readUInt8(1);
  const bytes = from.readUInt32BE(44);
  if ((flags & OVERFLOW_BIT) !== 0) return { kind: 'overflow', bytes };
  return (flags & UNDERFLOW_BIT) === 0 ? NO_RESIDUAL : { kind: 'underflow', bytes };
}

export const readScsiResponse = (from: Buffer): ScsiResponse => ({
  response: from.readUInt8(2),
  status: from.readUInt8(3),
  initiatorTaskTag: from.readUInt32BE(16),
  ...readNumbers(from),
  expDataSn: from.readUInt32BE(36),
  residual: readResidual(from),
});

export function writeScsiResponse(into: Buffer, at: number, pdu: ScsiResponse): void {
  into.writeUInt8(RESPONSE.scsi, at);
  into.writeUInt8(FINAL_BIT | residualFlags(pdu.residual), at + 1);
  into.writeUInt8(pdu.response, at + 2);
  into.writeUInt8(pdu.status, at + 3);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  writeNumbers(into, at, pdu);
  into.writeUInt32BE(pdu.expDataSn, at + 36);
  into.writeUInt32BE(pdu.residual.kind === 'none' ? 0 : pdu.residual.bytes, at + 44);
}
