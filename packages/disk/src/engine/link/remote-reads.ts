import { EterneError } from '@eterne/base';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { sendRead, sendReadReply, type ReadMessage, type ReadReply } from '../../protocol/messages/read.ts';
import type { Replica } from '../replica.ts';

/** Reads that a peer owes, or is owed, at most. */
const MAX_READS = 4096;

type ReadDone = (data: Buffer | undefined) => void;

/** READ and READ_REPLY of one session, both ways: a primary without a good disk asks, its peer answers. */
export class RemoteReads {
  readonly #replica: Replica;
  readonly #sender: FrameSender;
  readonly #asked = new Map<number, ReadDone>();
  #nextId = 0;
  #serving = 0;
  #refuses = false;
  #closed = false;

  constructor(replica: Replica, sender: FrameSender) {
    this.#replica = replica;
    this.#sender = sender;
  }

  /** `done` with undefined when the peer cannot; never after the session is over. */
  ask(offset: number, lengthBytes: number, done: ReadDone): void {
    if (this.#asked.size >= MAX_READS) return done(undefined);
    const id = this.#nextId++;
    this.#asked.set(id, done);
    // Whoever has a disk of its own need not have content that nobody knows.
    const definedOnly = this.#replica.disk.failure === undefined;
    sendRead(this.#sender, { id, offset, lengthBytes, definedOnly });
  }

  replied(reply: ReadReply): void {
    const done = this.#asked.get(reply.id);
    if (done === undefined) throw new EterneError('protocol', 'an answer to a read that was not asked');
    this.#asked.delete(reply.id);
    done(reply.data && this.#replica.slabs.copyOf(reply.data));
  }

  /** Behind the writes that came before it. */
  serve(read: ReadMessage): void {
    if (this.#serving >= MAX_READS) throw new EterneError('protocol', 'too many reads at once');
    this.#serving += 1;
    const fetch = (): void => this.#fetch(read);
    if (this.#replica.locks.whenClear(read.offset, read.lengthBytes, fetch)) fetch();
  }

  /** The asker gets no more writes: what is here from now on may be of one that it lacks, while it lacks others before that. */
  refuse(): void {
    this.#refuses = true;
  }

  close(): void {
    this.#closed = true;
    this.#asked.clear();
  }

  #fetch({ definedOnly, id, offset, lengthBytes }: ReadMessage): void {
    if (definedOnly && this.#replica.metadata.undefinedBlocks.anyDirty(offset, lengthBytes)) {
      this.#serving -= 1;
      if (!this.#closed) sendReadReply(this.#sender, { id, data: undefined });
      return;
    }
    const data = Buffer.allocUnsafeSlow(lengthBytes);
    this.#replica.disk.read(offset, data, (error) => {
      this.#serving -= 1;
      const isGiven = error === undefined && !this.#refuses;
      if (!this.#closed) sendReadReply(this.#sender, { id, data: isGiven ? data : undefined });
    });
  }
}
