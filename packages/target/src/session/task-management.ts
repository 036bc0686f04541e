/** Task management functions (RFC 7143 §11.5, SAM-5 §7). Answers when the function is complete: see duty 2 of the session. */
import { SENSE, TASK_FUNCTION, TASK_RESPONSE, readLun, serialDistance } from '@eterne/iscsi';
import type { TaskManagementRequest } from '@eterne/iscsi/pdu/task-management-request.ts';
import type { LogicalUnit } from '../scsi/logical-unit.ts';
import { resetUnit, abortEverywhere } from '../scsi/reset.ts';
import type { Session } from './session.ts';

type Respond = (response: number) => void;

export function performTaskFunction(pdu: TaskManagementRequest, session: Session, respond: Respond): void {
  const complete = (): void => respond(TASK_RESPONSE.complete);
  switch (pdu.function) {
    case TASK_FUNCTION.abortTask:
      return abortTask(pdu, session, respond);
    case TASK_FUNCTION.abortTaskSet:
      return withUnit(pdu, session, respond, (unit) => session.abortTasks(unit, undefined, complete));
    case TASK_FUNCTION.clearTaskSet:
      return withUnit(pdu, session, respond, (unit) =>
        abortEverywhere(unit, () => {
          unit.attention(SENSE.commandsCleared, (nexus) => nexus !== session);
          complete();
        }),
      );
    case TASK_FUNCTION.logicalUnitReset:
      return withUnit(pdu, session, respond, (unit) => resetUnit(unit, SENSE.busDeviceReset, complete));
    case TASK_FUNCTION.targetWarmReset:
      return resetTarget(session, complete);
    case TASK_FUNCTION.targetColdReset:
      return resetTarget(session, () => {
        session.dropOthers();
        complete();
      });
    case TASK_FUNCTION.taskReassign:
      return respond(TASK_RESPONSE.reassignNotSupported);
    default:
      return respond(TASK_RESPONSE.functionNotSupported);
  }
}

function withUnit(
  pdu: TaskManagementRequest,
  session: Session,
  respond: Respond,
  act: (unit: LogicalUnit) => void,
): void {
  const lun = readLun(pdu.lun, 0);
  const unit = lun === undefined ? undefined : session.target?.unit(lun);
  if (unit === undefined) respond(TASK_RESPONSE.noSuchLun);
  else act(unit);
}

/** §11.5.1 and §7.11: a task that is not there has been answered already, or has not come yet and never will (RefCmdSN). */
function abortTask(pdu: TaskManagementRequest, session: Session, respond: Respond): void {
  const task = session.taskOf(pdu.referencedTaskTag);
  if (task !== undefined) return task.abort(() => respond(TASK_RESPONSE.complete));
  // "within the valid CmdSN window and less than the CmdSN of the task management request itself".
  const notYet =
    serialDistance(session.expCmdSn, pdu.refCmdSn) >= 0 && serialDistance(pdu.refCmdSn, pdu.cmdSn) > 0;
  if (!notYet) return respond(TASK_RESPONSE.noSuchTask);
  session.considerReceived(pdu.refCmdSn);
  respond(TASK_RESPONSE.complete);
}

function resetTarget(session: Session, done: () => void): void {
  const units = [...(session.target?.units ?? [])];
  const resetNext = (index: number): void => {
    const unit = units[index];
    if (unit === undefined) return done();
    resetUnit(unit, SENSE.scsiBusReset, () => resetNext(index + 1));
  };
  resetNext(0);
}
