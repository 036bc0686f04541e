/**
 * One SCSI command as the logical unit sees it, whatever transport brought it. A command is answered exactly once, by one of
 * `good`, `conditionMet`, `conflict`, `check`; an answer to a command that was aborted meanwhile goes nowhere.
 */
import type { Sense } from '@eterne/iscsi';
import type { Nexus } from './nexus.ts';

export interface ScsiRequest {
  readonly nexus: Nexus;
  readonly cdb: Buffer;
  /** Nobody waits for the answer, but whoever aborted it for its end: a long command does no more than what it has begun. */
  readonly isAborted: boolean;
  /**
   * Gets exactly `lengthBytes` of data from the initiator; `then` may run before this returns and never runs when the command is aborted.
   * When the initiator announced another length, nothing is transferred and the command ends with `otherwise`, by default INVALID FIELD
   * IN COMMAND INFORMATION UNIT (FCP-4 §9.4.2 (b), the same for iSCSI). `data` belongs to the caller.
   */
  receive(lengthBytes: number, then: (data: Buffer) => void, otherwise?: Sense): void;
  /**
   * Like `receive`, but when the initiator announced less, `data` is what it announced, and the answer says how much was left out (RFC 7143
   * §11.4.5.2: "the target … transfers what it can").
   */
  receiveAtMost(lengthBytes: number, then: (data: Buffer) => void): void;
  /** What the command has begun belongs to the unit now: an abort ends the command at once, and not what it began. */
  handOver(): void;
  /** Waits until `lengthBytes` of reply data fit the session's bound. `then` may run before this returns. */
  reserveReply(lengthBytes: number, then: () => void): void;
  /** `given`: called when nobody uses `data` any more. */
  good(data?: Buffer, given?: () => void): void;
  conditionMet(): void;
  conflict(): void;
  check(sense: Sense): void;
}
