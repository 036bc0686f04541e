/**
 * Data-In (RFC 7143 §11.7). `0: 25  1: F A . . . O U S  3: status  8: LUN  16: ITT  20: TTT  24: StatSN, ExpCmdSN, MaxCmdSN
 * 36: DataSN  40: buffer offset  44: residual`; data. The last one carries GOOD status itself (S) and saves a response.
 */
import { FINAL_BIT, NO_TAG, RESPONSE } from '../wire.ts';
import { NO_RESIDUAL, readResidual, residualFlags, type Residual } from './scsi-response.ts';
import { readNumbers, writeNumbers, type ResponseNumbers } from './sequence.ts';

const STATUS_BIT = 0x01;

export interface DataIn extends ResponseNumbers {
  /** Ends a burst; with status, the command. */
  readonly final: boolean;
  readonly withStatus: boolean;
  readonly status: number;
  readonly initiatorTaskTag: number;
  readonly dataSn: number;
  readonly bufferOffset: number;
  readonly residual: Residual;
}

export function readDataIn(from: Buffer): DataIn {
  const flags = from.readUInt8(1);
  const withStatus = (flags & STATUS_BIT) !== 0;
  return {
    final: (flags & FINAL_BIT) !== 0,
    withStatus,
    status: from.readUInt8(3),
    initiatorTaskTag: from.readUInt32BE(16),
    ...readNumbers(from),
    dataSn: from.readUInt32BE(36),
    bufferOffset: from.readUInt32BE(40),
    residual: withStatus ? readResidual(from) : NO_RESIDUAL,
  };
}

export function writeDataIn(into: Buffer, at: number, pdu: DataIn): void {
  into.writeUInt8(RESPONSE.dataIn, at);
  const flags = (pdu.final ? FINAL_BIT : 0) | (pdu.withStatus ? STATUS_BIT | residualFlags(pdu.residual) : 0);
  into.writeUInt8(flags, at + 1);
  into.writeUInt8(pdu.status, at + 3);
  into.writeUInt32BE(pdu.initiatorTaskTag, at + 16);
  into.writeUInt32BE(NO_TAG, at + 20);
  writeNumbers(into, at, pdu);
  into.writeUInt32BE(pdu.dataSn, at + 36);
  into.writeUInt32BE(pdu.bufferOffset, at + 40);
  into.writeUInt32BE(pdu.residual.kind === 'none' ? 0 : pdu.residual.bytes, at + 44);
}
