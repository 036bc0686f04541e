/** Every command of a logical unit. REPORT LUNS is the target's (`target.ts`), and is listed for REPORT SUPPORTED OPERATION CODES. */
import type { Command } from '../command.ts';
import { COMPARE_AND_WRITE } from './compare-and-write.ts';
import { EXTENDED_COPY } from './extended-copy.ts';
import { GET_LBA_STATUS } from './get-lba-status.ts';
import { INQUIRY } from './inquiry.ts';
import { MODE_SELECT_COMMANDS } from './mode-select.ts';
import { MODE_SENSE_COMMANDS } from './mode-sense.ts';
import { ORWRITE } from './orwrite.ts';
import { PERSISTENT_RESERVE_IN_COMMANDS } from './persistent-reserve-in.ts';
import { PERSISTENT_RESERVE_OUT_COMMANDS } from './persistent-reserve-out.ts';
import { PREFETCH_COMMANDS } from './prefetch.ts';
import { PREVENT_ALLOW } from './prevent-allow.ts';
import { READ_COMMANDS } from './read.ts';
import { READ_CAPACITY_COMMANDS } from './read-capacity.ts';
import { READ_DEFECT_DATA_COMMANDS } from './read-defect-data.ts';
import { RECEIVE_COPY_OPERATING_PARAMETERS } from './receive-copy-operating-parameters.ts';
import { RECEIVE_COPY_STATUS } from './receive-copy-status.ts';
import { RELEASE } from './release.ts';
import { REPORT_LUNS_OPCODE, REPORT_LUNS_USAGE, reportLuns } from './report-luns.ts';
import { reportSupportedOpcodes } from './report-supported-opcodes.ts';
import { REPORT_SUPPORTED_TASK_MANAGEMENT } from './report-supported-task-management.ts';
import { REPORT_TARGET_PORT_GROUPS } from './report-target-port-groups.ts';
import { REQUEST_SENSE } from './request-sense.ts';
import { RESERVE } from './reserve.ts';
import { SANITIZE_COMMANDS } from './sanitize.ts';
import { START_STOP_UNIT } from './start-stop-unit.ts';
import { SYNCHRONIZE_CACHE_COMMANDS } from './synchronize-cache.ts';
import { TEST_UNIT_READY } from './test-unit-ready.ts';
import { UNMAP } from './unmap.ts';
import { VERIFY_COMMANDS } from './verify.ts';
import { WRITE_COMMANDS } from './write.ts';
import { WRITE_ATOMIC } from './write-atomic.ts';
import { WRITE_AND_VERIFY_COMMANDS } from './write-and-verify.ts';
import { WRITE_SAME_COMMANDS } from './write-same.ts';

const REPORT_LUNS: Command = {
  name: 'REPORT LUNS',
  opcode: REPORT_LUNS_OPCODE,
  usage: REPORT_LUNS_USAGE,
  reservation: 'allowed',
  run: (request, unit) => reportLuns(request, [unit.lun]),
};

export const COMMANDS: readonly Command[] = [
  ...READ_COMMANDS,
  ...WRITE_COMMANDS,
  ...VERIFY_COMMANDS,
  ...WRITE_AND_VERIFY_COMMANDS,
  ...WRITE_SAME_COMMANDS,
  ...SYNCHRONIZE_CACHE_COMMANDS,
  ...PREFETCH_COMMANDS,
  ...READ_CAPACITY_COMMANDS,
  ...READ_DEFECT_DATA_COMMANDS,
  ...MODE_SENSE_COMMANDS,
  ...MODE_SELECT_COMMANDS,
  ...PERSISTENT_RESERVE_IN_COMMANDS,
  ...PERSISTENT_RESERVE_OUT_COMMANDS,
  ...SANITIZE_COMMANDS,
  COMPARE_AND_WRITE,
  EXTENDED_COPY,
  GET_LBA_STATUS,
  INQUIRY,
  ORWRITE,
  PREVENT_ALLOW,
  RECEIVE_COPY_OPERATING_PARAMETERS,
  RECEIVE_COPY_STATUS,
  RELEASE,
  REPORT_LUNS,
  REPORT_SUPPORTED_TASK_MANAGEMENT,
  REPORT_TARGET_PORT_GROUPS,
  REQUEST_SENSE,
  RESERVE,
  START_STOP_UNIT,
  TEST_UNIT_READY,
  UNMAP,
  WRITE_ATOMIC,
  reportSupportedOpcodes(() => COMMANDS),
];
