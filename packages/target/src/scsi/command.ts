/** What is known about a SCSI command besides what it does; one object for each, made in `commands/`. */
import type { LogicalUnit } from './logical-unit.ts';
import type { ScsiRequest } from './scsi-request.ts';

/**
 * How a command from another initiator stands to a reservation (SPC-4 §5.13.1, SBC-4 §4.17):
 * `allowed` always runs; `reads` runs unless access is exclusive; `changes` conflicts; `own` decides itself.
 */
export type ReservationClass = 'allowed' | 'reads' | 'changes' | 'own';

export interface Command {
  readonly name: string;
  readonly opcode: number;
  /** In the low five bits of byte 1. */
  readonly serviceAction?: number;
  /**
   * CDB USAGE DATA (SPC-4 §6.35.3): the opcode (and service action), then a one for every bit that is evaluated.
   * Its length is the CDB's. A command with any other bit set is refused: what we do not understand we do not guess.
   */
  readonly usage: string;
  readonly reservation: ReservationClass;
  /** Runs only while a medium is loaded and no SANITIZE is in progress. */
  readonly medium?: true;
  /** Refused when the logical unit is write-protected. */
  readonly changes?: true;
  /** Whether this logical unit has the command at all; absent: always. */
  readonly offered?: (unit: LogicalUnit) => boolean;
  run(request: ScsiRequest, unit: LogicalUnit): void;
}

const usages = new WeakMap<Command, Buffer>();

/** `usage` as bytes. */
export function usageOf(command: Command): Buffer {
  let bytes = usages.get(command);
  if (bytes === undefined) {
    bytes = Buffer.from(command.usage.replaceAll(' ', ''), 'hex');
    usages.set(command, bytes);
  }
  return bytes;
}
