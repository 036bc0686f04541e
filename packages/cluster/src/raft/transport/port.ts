/** How members reach one another: best effort, like a network. Lost, repeated and late messages are Raft's business. */
import type { MemberId } from '../types.ts';

export interface RaftTransport {
  /** Queues a message, bounded; what finds no way is dropped. */
  send(to: MemberId, message: Buffer): void;
  /** Messages of members that hold the cluster key. One listener; never called from within `send`. `message` is the listener's to keep. */
  onMessage(listener: (from: MemberId, message: Buffer) => void): void;
  /**
   * The last way on which a member sent to this one has ended; it may have died, or merely take another. Only a hint: nobody's rights may
   * depend on it. One listener.
   */
  onGone(listener: (from: MemberId) => void): void;
  close(): void;
}
