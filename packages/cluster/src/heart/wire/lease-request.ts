/**
 * LEASE REQUEST: "may I go on running what is mine?" Sent to the leader, or to everybody while the leader is unknown.
 *
 *     0   8  number of the request: 1, 2, 3 … per session
 *     8   8  sent at, µs of the sender's boot clock; the same in every copy of one request
 *
 * A lease runs from this time, never from the time of an arrival.
 */
const BODY_BYTES = 16;

export interface LeaseRequestBody {
  readonly number: number;
  readonly sentAtUs: number;
}

export function encodeLeaseRequest(request: LeaseRequestBody): Buffer {
  const body = Buffer.alloc(BODY_BYTES);
  body.writeBigUInt64LE(BigInt(request.number), 0);
  body.writeBigUInt64LE(BigInt(request.sentAtUs), 8);
  return body;
}

export function decodeLeaseRequest(body: Buffer): LeaseRequestBody | undefined {
  if (body.length !== BODY_BYTES) return undefined;
  const number = Number(body.readBigUInt64LE(0));
  const sentAtUs = Number(body.readBigUInt64LE(8));
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(sentAtUs)) return undefined;
  return { number, sentAtUs };
}
