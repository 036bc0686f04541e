/**
 * CmdSN, ExpCmdSN and MaxCmdSN of one session (RFC 7143 §4.2.2.1). Pure. Commands are delivered in the order of their numbers: one that comes early is kept
 * until those before it are there; one outside the window, or seen before, is ignored.
 */
import { assert } from '@eterne/base';
import { serialAdd, serialDistance } from '@eterne/iscsi';
import { COMMAND_WINDOW } from '../limits.ts';

export class CommandWindow {
  #expCmdSn: number;
  #inFlight = 0;
  readonly #early = new Map<number, () => void>();

  constructor(firstCmdSn: number) {
    this.#expCmdSn = firstCmdSn;
  }

  get expCmdSn(): number {
    return this.#expCmdSn;
  }

  /** Never falls: a command that arrives moves ExpCmdSN up by one and takes one place. */
  get maxCmdSn(): number {
    return serialAdd(this.#expCmdSn, COMMAND_WINDOW - this.#inFlight - 1);
  }

  /** Runs `deliver` when it is this command's turn: now, later, or never. */
  arrive(cmdSn: number, deliver: () => void): void {
    const ahead = serialDistance(this.#expCmdSn, cmdSn);
    if (ahead < 0 || serialDistance(cmdSn, this.maxCmdSn) < 0) return;
    if (ahead > 0) {
      if (!this.#early.has(cmdSn)) this.#early.set(cmdSn, deliver);
      return;
    }
    this.#expCmdSn = serialAdd(this.#expCmdSn, 1);
    deliver();
    const next = this.#early.get(this.#expCmdSn);
    if (next === undefined) return;
    this.#early.delete(this.#expCmdSn);
    this.arrive(this.#expCmdSn, next);
  }

  /** The command of this number is never delivered, whether it came early or comes yet. */
  drop(cmdSn: number): void {
    this.#early.delete(cmdSn);
    this.arrive(cmdSn, () => {});
  }

  /** A delivered SCSI command holds a place until `end`. */
  begin(): void {
    this.#inFlight += 1;
    assert(this.#inFlight <= COMMAND_WINDOW, 'no more commands than the window has places');
  }

  end(): void {
    assert(this.#inFlight > 0, 'a command ends once');
    this.#inFlight -= 1;
  }
}
