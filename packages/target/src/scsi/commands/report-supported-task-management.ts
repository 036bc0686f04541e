/** REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS: SPC-4 §6.36. */
import type { Command } from '../command.ts';

/** ATS, ATSS, CTSS, LURS, TRS (abort task, abort and clear task set, logical unit and target reset). */
const FUNCTIONS = 0x80 | 0x40 | 0x10 | 0x08 | 0x02;

export const REPORT_SUPPORTED_TASK_MANAGEMENT: Command = {
  name: 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  opcode: 0xa3,
  serviceAction: 0x0d,
  usage: 'a3 0d 00000000 ffffffff 00 00',
  reservation: 'allowed',
  run: (request) => request.good(Buffer.from([FUNCTIONS, 0, 0, 0]).subarray(0, request.cdb.readUInt32BE(6))),
};
