/**
 * A command is applied at most once, however often it is sent (thesis §6.3). Each start of a member is a session; within it commands are
 * numbered from 1. `lowest` is the sender's lowest number still unanswered: everything below may be forgotten, and is not applied any more.
 * A pure function of the log: every member decides alike.
 *
 * A life begins by committing an empty command. From then on no command of an earlier life is applied any more, however late a copy of it
 * comes; before then nothing may be built on what was read (`EmbeddedLog.readBarrier` waits).
 */
import { EterneError } from '@eterne/base';
import { ByteReader, ByteWriter, malformed } from './codec.ts';
import { MEMBERS_MAX } from './members.ts';
import type { MemberId } from './types.ts';
import { ENTRY_MAX_BYTES } from './types.ts';

/** A sender's open numbers lie within this window. */
export const SESSION_WINDOW = 1024;

/** Sessions remembered, beside those of members. */
const SESSIONS_MAX = 256;

/** Opens a session; never a command of the state machine. */
export const OPENING = Buffer.alloc(0);

export interface CommandId {
  readonly origin: MemberId;
  /** The origin's count of starts. */
  readonly session: number;
  readonly sequence: number;
  readonly lowest: number;
}

/** `origin text, session u64, sequence u64, lowest u64, command bytes` */
export function encodeCommand(id: CommandId, command: Buffer): Buffer {
  return new ByteWriter()
    .text(id.origin)
    .u64(id.session)
    .u64(id.sequence)
    .u64(id.lowest)
    .bytes(command)
    .finish();
}

export function decodeCommand(data: Buffer): { readonly id: CommandId; readonly command: Buffer } {
  const reader = new ByteReader(data);
  const id = { origin: reader.text(), session: reader.u64(), sequence: reader.u64(), lowest: reader.u64() };
  const command = reader.bytes(ENTRY_MAX_BYTES);
  reader.end();
  return { id, command };
}

interface Session {
  session: number;
  lowest: number;
  /** Applied numbers ≥ lowest. */
  readonly applied: Set<number>;
}

export class Sessions {
  readonly #sessions = new Map<MemberId, Session>();

  /** True exactly once per command; false for every copy, and for what its sender has given up. */
  admit(id: CommandId): boolean {
    let known = this.#sessions.get(id.origin);
    if (known && id.session < known.session) return false;
    if (!known || id.session > known.session) {
      known = { session: id.session, lowest: 1, applied: new Set() };
      this.#sessions.set(id.origin, known);
    }
    if (id.sequence < known.lowest || known.applied.has(id.sequence)) return false;
    known.applied.add(id.sequence);
    if (id.lowest > known.lowest) {
      known.lowest = id.lowest;
      for (const sequence of known.applied) if (sequence < id.lowest) known.applied.delete(sequence);
    }
    return true;
  }

  /**
   * Forgets the oldest of those that left, once there are too many. Not at once: a copy of a command may still be on its way when its sender
   * is taken in again.
   */
  prune(isMember: (id: MemberId) => boolean): void {
    for (const id of this.#sessions.keys()) {
      if (this.#sessions.size <= SESSIONS_MAX) return;
      if (!isMember(id)) this.#sessions.delete(id);
    }
  }

  /** Oldest session first, as `prune` needs it. `count u32, count × (member text, session u64, lowest u64, count u32, count × number u64)` */
  encode(): Buffer {
    const writer = new ByteWriter().u32(this.#sessions.size);
    for (const [member, { session, lowest, applied }] of this.#sessions) {
      writer.text(member).u64(session).u64(lowest).u32(applied.size);
      for (const sequence of applied) writer.u64(sequence);
    }
    return writer.finish();
  }

  /** Replaces the whole table. Throws `corrupt`. */
  restore(bytes: Buffer): void {
    const reader = new ByteReader(bytes);
    const count = reader.u32();
    if (count > SESSIONS_MAX + MEMBERS_MAX) throw malformed(`${count} sessions`);
    this.#sessions.clear();
    for (let i = 0; i < count; i += 1) {
      const member = reader.text();
      const session = { session: reader.u64(), lowest: reader.u64(), applied: new Set<number>() };
      const size = reader.u32();
      if (size > 2 * SESSION_WINDOW) throw malformed(`${size} numbers in a session`);
      for (let k = 0; k < size; k += 1) session.applied.add(reader.u64());
      this.#sessions.set(member, session);
    }
    reader.end();
  }
}

export function tooLarge(bytes: Buffer): EterneError | undefined {
  if (bytes.length <= ENTRY_MAX_BYTES / 2) return undefined;
  return new EterneError('refused', `a command of ${bytes.length} bytes is too large for the cluster log`);
}
