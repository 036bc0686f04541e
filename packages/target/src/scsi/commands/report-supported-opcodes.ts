/** REPORT SUPPORTED OPERATION CODES: SPC-4 §6.35. */
import { SENSE } from '@eterne/iscsi';
import { usageOf, type Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const RCTD_BIT = 0x80;
/** REPORTING OPTIONS. */
const ALL = 0;
const OPCODE_ONLY = 1;
const OPCODE_AND_SERVICE_ACTION = 2;
const SERVICE_ACTION_IF_ANY = 3;
/** SERVACTV and CTDP of an all-commands descriptor. */
const SERVACTV_BIT = 0x01;
const CTDP_BIT = 0x02;
/** SUPPORT field of a one-command answer. */
const NOT_SUPPORTED = 1;
const SUPPORTED = 3;
const ONE_CTDP_BIT = 0x80;
/** Command timeouts descriptor: `u16 length, reserved, command specific, u32 nominal, u32 recommended`, all zero: no timeouts are given. */
const TIMEOUTS = Buffer.from([0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** The table of commands contains this very command, so it is handed in. */
export function reportSupportedOpcodes(all: () => readonly Command[]): Command {
  return {
    name: 'REPORT SUPPORTED OPERATION CODES',
    opcode: 0xa3,
    serviceAction: 0x0c,
    usage: 'a3 1f 87 ff ffff ffffffff 00 00',
    reservation: 'changes',
    run(request, unit) {
      const offered = all().filter((command) => command.offered?.(unit) !== false);
      report(request, offered, unit);
    },
  };
}

function report(request: ScsiRequest, commands: readonly Command[], _unit: LogicalUnit): void {
  const { cdb } = request;
  const timeouts = (cdb.readUInt8(2) & RCTD_BIT) !== 0;
  const options = cdb.readUInt8(2) & 0x07;
  const data =
    options === ALL ? allCommands(commands, timeouts) : oneCommand(cdb, options, commands, timeouts);
  if (data === undefined)
    return request.check({ ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 2 } });
  request.good(data.subarray(0, cdb.readUInt32BE(6)));
}

function allCommands(commands: readonly Command[], timeouts: boolean): Buffer {
  const descriptors = commands.flatMap((command) => {
    const descriptor = Buffer.alloc(8);
    descriptor.writeUInt8(command.opcode, 0);
    descriptor.writeUInt16BE(command.serviceAction ?? 0, 2);
    descriptor.writeUInt8(
      (command.serviceAction === undefined ? 0 : SERVACTV_BIT) | (timeouts ? CTDP_BIT : 0),
      5,
    );
    descriptor.writeUInt16BE(usageOf(command).length, 6);
    return timeouts ? [descriptor, TIMEOUTS] : [descriptor];
  });
  const body = Buffer.concat(descriptors);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length, 0);
  return Buffer.concat([header, body]);
}

/** Undefined when the way of asking does not fit the opcode (REPORTING OPTIONS). */
function oneCommand(
  cdb: Buffer,
  options: number,
  commands: readonly Command[],
  timeouts: boolean,
): Buffer | undefined {
  const opcode = cdb.readUInt8(3);
  const serviceAction = cdb.readUInt16BE(4);
  const same = commands.filter((command) => command.opcode === opcode);
  const withActions = same.some((command) => command.serviceAction !== undefined);
  switch (options) {
    case OPCODE_ONLY:
      return withActions ? undefined : describe(same[0], timeouts);
    case OPCODE_AND_SERVICE_ACTION:
      if (same.length > 0 && !withActions) return undefined;
      return describe(
        same.find((command) => command.serviceAction === serviceAction),
        timeouts,
      );
    case SERVICE_ACTION_IF_ANY:
      return describe(
        same.find((command) => (command.serviceAction ?? 0) === serviceAction),
        timeouts,
      );
    default:
      return undefined;
  }
}

function describe(command: Command | undefined, timeouts: boolean): Buffer {
  if (command === undefined) return Buffer.from([0, NOT_SUPPORTED, 0, 0]);
  const usage = usageOf(command);
  const header = Buffer.from([0, SUPPORTED | (timeouts ? ONE_CTDP_BIT : 0), 0, 0]);
  header.writeUInt16BE(usage.length, 2);
  return timeouts ? Buffer.concat([header, usage, TIMEOUTS]) : Buffer.concat([header, usage]);
}
