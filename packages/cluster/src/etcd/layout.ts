/**
 * What lies where in etcd, and how it is written. Everything of a cluster is under `/eterne/CLUSTER/`, everything of one epoch under its number, so
 * that no term of one epoch compares with one of another.
 *
 *   epoch                    JSON {"version":1,"epoch":1,"state":"live"}: which log is the cluster's; `sealed`: none here any more
 *   1/term                   JSON {"term":3,"member":"n1#…","session":2}: who leads
 *   1/beat                   JSON {"count":17,"releasedTo":null}, and "takeOverMs" unless it is 3500: written anew by the leader again and again
 *   1/session/MEMBER         the member's count of starts
 *   1/tip                    index of the newest entry
 *   1/log/INDEX              one entry; the index in 16 hexadecimal digits, without gaps
 *   1/snapshot               JSON {"index":512,"name":"…","parts":2,"bytes":600000,"crc":1}: what replaces all entries up to `index`
 *   1/part/INDEX/NAME/PART   its parts, of at most 512 KiB
 */
import { crc32c } from '@eterne/base';
import { ByteReader, ByteWriter, malformed } from '../raft/codec.ts';
import type { LogIndex, MemberId } from '../raft/types.ts';
import { ENTRY_MAX_BYTES, SNAPSHOT_MAX_BYTES } from '../raft/types.ts';

export const LAYOUT_VERSION = 1;
const ENTRY_VERSION = 1;
/** etcd takes requests of 1.5 MiB. */
export const PART_BYTES = 512 * 1024;

export interface EpochRecord {
  readonly epoch: number;
  readonly state: 'live' | 'sealed';
}

export interface TermRecord {
  readonly term: number;
  readonly member: MemberId;
  /** Which life of the member. */
  readonly session: number;
}

export interface BeatRecord {
  readonly count: number;
  /** The leader has ended its authority in favour of this member. */
  readonly releasedTo: MemberId | null;
  /** Who takes over must have seen this record for so long. */
  readonly takeOverMs: number;
}

/** What a record asks for that does not say it. Part of the layout. */
export const UNSAID_TAKE_OVER_MS = 3500;
const TAKE_OVER_MAX_MS = 120_000;

export interface SnapshotRecord {
  readonly index: LogIndex;
  readonly name: string;
  readonly parts: number;
  readonly bytes: number;
  readonly crc: number;
}

export class Layout {
  readonly root: string;
  readonly #epoch: string;

  constructor(clusterId: string, epoch: number) {
    this.root = `/eterne/${clusterId}/`;
    this.#epoch = `${this.root}${epoch}/`;
  }

  get epoch(): string {
    return `${this.root}epoch`;
  }

  get term(): string {
    return `${this.#epoch}term`;
  }

  get beat(): string {
    return `${this.#epoch}beat`;
  }

  get tip(): string {
    return `${this.#epoch}tip`;
  }

  get snapshot(): string {
    return `${this.#epoch}snapshot`;
  }

  session(member: MemberId): string {
    return `${this.#epoch}session/${member}`;
  }

  entry(index: LogIndex): string {
    return `${this.#epoch}log/${hex(index)}`;
  }

  get entriesEnd(): string {
    return `${this.#epoch}log0`;
  }

  /** Of a snapshot at `index`; without a name: before all of them. */
  part(index: LogIndex, name?: string, part?: number): string {
    const rest = name === undefined || part === undefined ? '' : `${name}/${hex(part)}`;
    return `${this.#epoch}part/${hex(index)}/${rest}`;
  }

  /** All keys of this epoch. */
  get whole(): { readonly key: string; readonly end: string } {
    return { key: this.#epoch, end: `${this.#epoch.slice(0, -1)}0` };
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(16, '0');
}

export function encodeEpoch({ epoch, state }: EpochRecord): Buffer {
  return json({ version: LAYOUT_VERSION, epoch, state });
}

export function decodeEpoch(bytes: Buffer): EpochRecord {
  const { version, epoch, state } = parse(bytes);
  if (version !== LAYOUT_VERSION) throw malformed(`version ${String(version)} of the log in etcd`);
  if (state !== 'live' && state !== 'sealed') throw malformed('the state of an epoch');
  return { epoch: whole(epoch), state };
}

export function encodeTerm({ term, member, session }: TermRecord): Buffer {
  return json({ term, member, session });
}

export function decodeTerm(bytes: Buffer): TermRecord {
  const { term, member, session } = parse(bytes);
  return { term: whole(term), member: text(member), session: whole(session) };
}

export function encodeBeat({ count, releasedTo, takeOverMs }: BeatRecord): Buffer {
  return json({ count, releasedTo, ...(takeOverMs === UNSAID_TAKE_OVER_MS ? {} : { takeOverMs }) });
}

export function decodeBeat(bytes: Buffer): BeatRecord {
  const { count, releasedTo, takeOverMs = UNSAID_TAKE_OVER_MS } = parse(bytes);
  if (whole(takeOverMs) > TAKE_OVER_MAX_MS) throw malformed(`a take-over time of ${String(takeOverMs)} ms`);
  return {
    count: whole(count),
    releasedTo: releasedTo === null ? null : text(releasedTo),
    takeOverMs: whole(takeOverMs),
  };
}

export function encodeSnapshotRecord({ index, name, parts, bytes, crc }: SnapshotRecord): Buffer {
  return json({ index, name, parts, bytes, crc });
}

export function decodeSnapshotRecord(source: Buffer): SnapshotRecord {
  const { index, name, parts, bytes, crc } = parse(source);
  if (whole(bytes) > SNAPSHOT_MAX_BYTES) throw malformed(`a snapshot of ${String(bytes)} bytes`);
  return { index: whole(index), name: text(name), parts: whole(parts), bytes: whole(bytes), crc: whole(crc) };
}

/** `version u8 = 1, term u64, command bytes`; the command as `sessions.ts` writes it. */
export function encodeEntry(term: number, command: Buffer): Buffer {
  return new ByteWriter().u8(ENTRY_VERSION).u64(term).bytes(command).finish();
}

export function decodeEntry(bytes: Buffer): { readonly term: number; readonly command: Buffer } {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== ENTRY_VERSION) throw malformed(`version ${version} of an entry in etcd`);
  const entry = { term: reader.u64(), command: reader.bytes(ENTRY_MAX_BYTES) };
  reader.end();
  return entry;
}

export function encodeCount(count: number): Buffer {
  return Buffer.from(String(count));
}

export function decodeCount(bytes: Buffer): number {
  return whole(Number(bytes.toString()));
}

export function describeSnapshot(index: LogIndex, name: string, data: Buffer): SnapshotRecord {
  const parts = Math.max(1, Math.ceil(data.length / PART_BYTES));
  return { index, name, parts, bytes: data.length, crc: crc32c(data) };
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function parse(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw malformed('not JSON');
  }
  if (typeof value !== 'object' || value === null) throw malformed('not an object');
  return value as Record<string, unknown>;
}

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw malformed('not a whole number');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > 255) throw malformed('not a name');
  return value;
}
