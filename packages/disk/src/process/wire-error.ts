/** An `EterneError` between two processes: plain data, without cause and stack. */
import { EterneError, type ErrorCode } from '@eterne/base';

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export function toWireError({ code, message, hint }: EterneError): WireError {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

export function fromWireError({ code, message, hint }: WireError): EterneError {
  return new EterneError(code, message, hint === undefined ? {} : { hint });
}
