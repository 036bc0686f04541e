/** One I_T nexus: an initiator port that has a session with the target (SAM-5 clause "Nexus", RFC 7143 §4.4.2). */
import type { LogicalUnit } from './logical-unit.ts';
import type { TargetPort } from './ports.ts';

export interface Nexus {
  readonly initiatorName: string;
  /** SCSI port name of the initiator: `name,i,0xISID` (RFC 7143 §4.4.2). It outlives a session; reservations belong to it. */
  readonly initiatorPort: string;
  readonly targetPort: TargetPort;
  /** Aborts its tasks on `unit`, except the one that asks; `done` when none of them can touch the medium any more. */
  abortTasks(unit: LogicalUnit, except: unknown, done: () => void): void;
}
