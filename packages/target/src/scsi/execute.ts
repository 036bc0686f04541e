/**
 * Takes a command to its handler, through the checks that all commands share, in the order of SAM-5 clause "Status precedence" and SPC-4:
 * ```
 *   command known? → unit attention → reservation → CDB bits → medium and SANITIZE → write protection → handler
 * ```
 */
import { SENSE, type Sense } from '@eterne/iscsi';
import { usageOf, type Command } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import type { LogicalUnit } from './logical-unit.ts';
import type { Nexus } from './nexus.ts';
import type { ScsiRequest } from './scsi-request.ts';

const INQUIRY = 0x12;
const REPORT_LUNS = 0xa0;
const REQUEST_SENSE = 0x03;
const SERVICE_ACTION_MASK = 0x1f;

interface OpcodeEntry {
  readonly plain: Command | undefined;
  readonly byServiceAction: ReadonlyMap<number, Command>;
}

/** Indexed by opcode; commands without a service action are found without a look-up in a map. */
const TABLE: readonly (OpcodeEntry | undefined)[] = Array.from({ length: 256 }, (_, opcode) => {
  const commands = COMMANDS.filter((command) => command.opcode === opcode);
  if (commands.length === 0) return undefined;
  return {
    plain: commands.find(({ serviceAction }) => serviceAction === undefined),
    byServiceAction: new Map(
      commands.flatMap((command) =>
        command.serviceAction === undefined ? [] : [[command.serviceAction, command] as const],
      ),
    ),
  };
});

export function executeCommand(request: ScsiRequest, unit: LogicalUnit): void {
  const { cdb } = request;
  const opcode = cdb.readUInt8(0);
  const entry = TABLE[opcode];
  const command = entry && (entry.plain ?? entry.byServiceAction.get(cdb.readUInt8(1) & SERVICE_ACTION_MASK));
  // "If the logical unit has a unit attention pending, INQUIRY, REPORT LUNS and REQUEST SENSE do not report it as an error" (SAM-5 §5.14).
  if (opcode !== INQUIRY && opcode !== REPORT_LUNS && opcode !== REQUEST_SENSE) {
    const attention = unit.takeAttention(request.nexus);
    if (attention !== undefined) return request.check(attention);
  }
  if (command === undefined || command.offered?.(unit) === false)
    return request.check(
      entry === undefined ? SENSE.invalidOperationCode : unknownServiceAction(entry, unit),
    );
  if (conflicts(command, request.nexus, unit)) return request.conflict();
  const error = cdbError(command, cdb) ?? mediumError(command, unit);
  if (error === undefined) command.run(request, unit);
  else request.check(error);
}

/** An opcode of which this unit has other service actions is a valid opcode with an invalid field. */
function unknownServiceAction(entry: OpcodeEntry, unit: LogicalUnit): Sense {
  const others = [...entry.byServiceAction.values()].some((command) => command.offered?.(unit) !== false);
  return others
    ? { ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte: 1 } }
    : SENSE.invalidOperationCode;
}

function conflicts(command: Command, nexus: Nexus, unit: LogicalUnit): boolean {
  if (command.reservation === 'own') return false;
  if (unit.legacyHolder !== undefined && unit.legacyHolder !== nexus)
    return command.reservation !== 'allowed';
  return unit.reservations.conflicts(nexus, command.reservation);
}

function cdbError(command: Command, cdb: Buffer): Sense | undefined {
  const usage = usageOf(command);
  for (let byte = 1; byte < usage.length; byte += 1) {
    // Byte 1 of a command with service actions was evaluated when the command was found.
    const mask =
      (usage[byte] ?? 0) | (byte === 1 && command.serviceAction !== undefined ? SERVICE_ACTION_MASK : 0);
    if (((cdb[byte] ?? 0) & ~mask) !== 0) return { ...SENSE.invalidFieldInCdb, field: { inCdb: true, byte } };
  }
  return undefined;
}

function mediumError(command: Command, unit: LogicalUnit): Sense | undefined {
  if (command.medium !== undefined) {
    const refusal = unit.mediumRefusal;
    if (refusal !== undefined) return refusal;
  }
  return command.changes !== undefined && unit.writeProtected ? SENSE.writeProtected : undefined;
}
