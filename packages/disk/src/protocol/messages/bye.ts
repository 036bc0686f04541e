/** BYE: `reason text`, for the log of the other side; the sender closes the connection behind it. */
import { FieldReader, FieldWriter } from '../fields.ts';

const MAX_REASON_BYTES = 255;

export function encodeBye(reason: string): Buffer {
  return new FieldWriter()
    .text(Buffer.from(reason).subarray(0, MAX_REASON_BYTES).toString('latin1'))
    .finish();
}

export function decodeBye(body: Buffer): string {
  const from = new FieldReader(body);
  const reason = from.text(MAX_REASON_BYTES);
  from.finish();
  return reason;
}
