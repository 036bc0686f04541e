/** The state machine behind an ordered log, whichever engine keeps that: it takes each command once, and goes into snapshots. */
import type { LogSubject } from '../ports.ts';
import { ByteReader, ByteWriter } from './codec.ts';
import { decodeCommand, Sessions, type CommandId } from './sessions.ts';
import type { LogIndex, MemberId } from './types.ts';
import { SNAPSHOT_MAX_BYTES } from './types.ts';

const SESSIONS_MAX_BYTES = 4 * 1024 * 1024;

export class Machine<Command> {
  readonly #subject: LogSubject<Command>;
  readonly #sessions = new Sessions();
  readonly #listeners: ((command: Command, index: LogIndex) => void)[] = [];

  constructor(subject: LogSubject<Command>) {
    this.#subject = subject;
  }

  onApplied(listener: (command: Command, index: LogIndex) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Answers whose command it was, once the listeners have seen it; undefined: a stranger's, or one that came before. Throws for what
   * this program cannot understand, and has then changed nothing.
   */
  apply(data: Buffer, index: LogIndex, isMember: (id: MemberId) => boolean): CommandId | undefined {
    const { id, command } = decodeCommand(data);
    if (!isMember(id.origin)) return undefined;
    const decoded = command.length > 0 ? this.#subject.decode(command) : undefined;
    if (!this.#sessions.admit(id)) return undefined;
    if (decoded !== undefined) for (const listener of this.#listeners) listener(decoded, index);
    return id;
  }

  /** Forgets the sessions of who is no member. */
  prune(isMember: (id: MemberId) => boolean): void {
    this.#sessions.prune(isMember);
  }

  snapshot(): Buffer {
    return machineImage(this.#sessions, this.#subject.takeSnapshot());
  }

  /** `data`: as `machineImage` gives it. */
  restore(data: Buffer, index: LogIndex): void {
    const reader = new ByteReader(data);
    this.#sessions.restore(reader.bytes(SESSIONS_MAX_BYTES));
    this.#subject.restoreSnapshot(reader.bytes(SNAPSHOT_MAX_BYTES), index);
    reader.end();
  }
}

/** `sessions bytes, state bytes` */
export function machineImage(sessions: Sessions, state: Buffer): Buffer {
  return new ByteWriter().bytes(sessions.encode()).bytes(state).finish();
}
