/** The numbers that every response carries at bytes 24, 28 and 32 (RFC 7143 §11.4.9–11). */
export interface ResponseNumbers {
  readonly statSn: number;
  readonly expCmdSn: number;
  readonly maxCmdSn: number;
}

export function writeNumbers(into: Buffer, at: number, numbers: ResponseNumbers): void {
  into.writeUInt32BE(numbers.statSn, at + 24);
  into.writeUInt32BE(numbers.expCmdSn, at + 28);
  into.writeUInt32BE(numbers.maxCmdSn, at + 32);
}

export const readNumbers = (from: Buffer): ResponseNumbers => ({
  statSn: from.readUInt32BE(24),
  expCmdSn: from.readUInt32BE(28),
  maxCmdSn: from.readUInt32BE(32),
});
