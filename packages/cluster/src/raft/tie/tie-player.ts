/** What plays the tie-breaker on this node, of whatever kind it is. */
import type { Message } from '../messages/message.ts';
import type { MemberId } from '../types.ts';

export interface TiePlayer {
  readonly member: MemberId;
  /** Why it does not answer; undefined when it does. */
  readonly trouble: string | undefined;
  /** Answers later, or never. Not before `ask` has returned. */
  ask(message: Message): void;
  /** A voter has said something. True: the message must not be believed yet, drop it. */
  refuses(from: MemberId): boolean;
  close(): void;
}
