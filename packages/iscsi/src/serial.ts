/** Serial number arithmetic of 32-bit sequence numbers (RFC 1982, as RFC 7143 §4.2.2.1 asks for CmdSN, StatSN and DataSN). */

export const serialAdd = (serial: number, steps: number): number => (serial + steps) >>> 0;

/** Steps from `from` to `to`, negative when `to` is before `from`. */
export const serialDistance = (from: number, to: number): number => (to - from) | 0;
