/** A target's logical units, and the commands that are about the target rather than one of them. */
import { SENSE } from '@eterne/iscsi';
import { inquiryWithoutUnit } from './commands/inquiry.ts';
import { REPORT_LUNS_OPCODE, reportLuns } from './commands/report-luns.ts';
import { executeCommand } from './execute.ts';
import type { LogicalUnit } from './logical-unit.ts';
import type { Nexus } from './nexus.ts';
import { ONLY_PORT, type TargetPort } from './ports.ts';
import type { ScsiRequest } from './scsi-request.ts';

const INQUIRY = 0x12;

export class ScsiTarget {
  readonly name: string;
  readonly #units: ReadonlyMap<number, LogicalUnit>;

  constructor(name: string, units: readonly LogicalUnit[], ports: readonly TargetPort[] = [ONLY_PORT]) {
    this.name = name;
    this.#units = new Map(units.map((unit) => [unit.lun, unit]));
    for (const unit of units) {
      unit.siblings = units;
      unit.ports = ports;
    }
  }

  get units(): Iterable<LogicalUnit> {
    return this.#units.values();
  }

  unit(lun: number): LogicalUnit | undefined {
    return this.#units.get(lun);
  }

  attach(nexus: Nexus): void {
    for (const unit of this.units) unit.attach(nexus);
  }

  detach(nexus: Nexus): void {
    for (const unit of this.units) unit.detach(nexus);
  }

  /** SPC-4 §6.33: REPORT LUNS works on LUN 0 even when there is no logical unit 0; of the rest only INQUIRY has an answer there. */
  execute(request: ScsiRequest, unit: LogicalUnit | undefined): void {
    const opcode = request.cdb.readUInt8(0);
    if (opcode === REPORT_LUNS_OPCODE) return reportLuns(request, [...this.#units.keys()]);
    if (unit !== undefined) return executeCommand(request, unit);
    if (opcode === INQUIRY) return inquiryWithoutUnit(request);
    request.check(SENSE.logicalUnitNotSupported);
  }
}
