/**
 * LEASE GRANT: "these groups may run for so long, counted from when you sent that request."
 *
 *     0  16  session of the request
 *    16   8  number of the request
 *    24   4  duration, ms
 *    28   4  grace, ms
 *    32   1  number of entries, then per entry:
 *         1  length of the group's name, name
 *         8  epoch of its ownership
 *         1  number of volumes, then per volume: length of its name, name
 *
 * What does not fit one datagram goes into several; each entry holds by itself, so that a lost part only lets its own entries lapse.
 * An entry whose volumes do not fit is repeated with the rest of them.
 */
import { assert } from '@eterne/base';
import { SESSION_BYTES } from './envelope.ts';

const FIXED_BYTES = 33;
const DURATION_MS_MAX = 0xffff_ffff;

export interface LeaseEntry {
  readonly group: string;
  readonly epoch: number;
  readonly volumes: readonly string[];
}

export interface LeaseGrantBody {
  readonly session: string;
  readonly number: number;
  readonly durationMs: number;
  readonly graceMs: number;
  readonly entries: readonly LeaseEntry[];
}

/** One body per datagram, none larger than `bytesMax`. A grant of nothing is one body without entries. */
export function encodeLeaseGrant(grant: LeaseGrantBody, bytesMax: number): readonly Buffer[] {
  const parts: Buffer[][] = [[]];
  let usedBytes = FIXED_BYTES;
  for (const entry of grant.entries.flatMap((whole) => splitEntry(whole, bytesMax - FIXED_BYTES))) {
    const encoded = encodeEntry(entry);
    if (usedBytes + encoded.length > bytesMax || parts.at(-1)?.length === 255) {
      parts.push([]);
      usedBytes = FIXED_BYTES;
    }
    parts.at(-1)?.push(encoded);
    usedBytes += encoded.length;
  }
  return parts.map((entries) => Buffer.concat([encodeFixed(grant, entries.length), ...entries]));
}

export function decodeLeaseGrant(body: Buffer): LeaseGrantBody | undefined {
  if (body.length < FIXED_BYTES) return undefined;
  const number = Number(body.readBigUInt64LE(16));
  if (!Number.isSafeInteger(number)) return undefined;
  const entries: LeaseEntry[] = [];
  let offset = FIXED_BYTES;
  for (let left = body.readUInt8(32); left > 0; left -= 1) {
    const read = decodeEntry(body, offset);
    if (read === undefined) return undefined;
    entries.push(read.entry);
    offset = read.end;
  }
  if (offset !== body.length) return undefined;
  return {
    session: body.toString('hex', 0, SESSION_BYTES),
    number,
    durationMs: body.readUInt32LE(24),
    graceMs: body.readUInt32LE(28),
    entries,
  };
}

function encodeFixed(grant: LeaseGrantBody, entries: number): Buffer {
  assert(grant.durationMs >= 0 && grant.durationMs <= DURATION_MS_MAX, 'a lease has a length');
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.write(grant.session, 0, 'hex');
  fixed.writeBigUInt64LE(BigInt(grant.number), 16);
  fixed.writeUInt32LE(Math.floor(grant.durationMs), 24);
  fixed.writeUInt32LE(Math.floor(grant.graceMs), 28);
  fixed.writeUInt8(entries, 32);
  return fixed;
}

function encodeEntry(entry: LeaseEntry): Buffer {
  const epoch = Buffer.alloc(8);
  epoch.writeBigUInt64LE(BigInt(entry.epoch));
  return Buffer.concat([
    encodeName(entry.group),
    epoch,
    Buffer.of(entry.volumes.length),
    ...entry.volumes.map(encodeName),
  ]);
}

function encodeName(name: string): Buffer {
  const bytes = Buffer.from(name);
  assert(bytes.length > 0 && bytes.length < 256, 'a name fits its length byte');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

/** Cuts an entry into entries of at most `bytesMax`. */
function splitEntry(entry: LeaseEntry, bytesMax: number): readonly LeaseEntry[] {
  const base = Buffer.byteLength(entry.group) + 10;
  const pieces: string[][] = [[]];
  let usedBytes = base;
  for (const volume of entry.volumes) {
    const bytes = Buffer.byteLength(volume) + 1;
    if (usedBytes + bytes > bytesMax || pieces.at(-1)?.length === 255) {
      pieces.push([]);
      usedBytes = base;
    }
    pieces.at(-1)?.push(volume);
    usedBytes += bytes;
  }
  const { group, epoch } = entry;
  return pieces.map((volumes) => ({ group, epoch, volumes }));
}

function decodeEntry(
  body: Buffer,
  start: number,
): { readonly entry: LeaseEntry; readonly end: number } | undefined {
  const group = decodeName(body, start);
  if (group === undefined || group.end + 9 > body.length) return undefined;
  const epoch = Number(body.readBigUInt64LE(group.end));
  if (!Number.isSafeInteger(epoch)) return undefined;
  const volumes: string[] = [];
  let offset = group.end + 9;
  for (let left = body.readUInt8(group.end + 8); left > 0; left -= 1) {
    const volume = decodeName(body, offset);
    if (volume === undefined) return undefined;
    volumes.push(volume.name);
    offset = volume.end;
  }
  return { entry: { group: group.name, epoch, volumes }, end: offset };
}

function decodeName(
  body: Buffer,
  offset: number,
): { readonly name: string; readonly end: number } | undefined {
  const length = offset < body.length ? body.readUInt8(offset) : 0;
  const end = offset + 1 + length;
  if (length === 0 || end > body.length) return undefined;
  return { name: body.toString('utf8', offset + 1, end), end };
}
