/** SYNCHRONIZE CACHE (10), (16): SBC-3 §5.26, §5.27. The device has one cache; all of it becomes durable. */
import type { Command } from '../command.ts';
import { senseOf, type LogicalUnit } from '../logical-unit.ts';
import { rangeError, rangeOf } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

const IMMED_BIT = 0x02;

function synchronizeCache(request: ScsiRequest, unit: LogicalUnit): void {
  const error = rangeError(rangeOf(request.cdb), unit);
  if (error !== undefined) return request.check(error);
  const immediate = (request.cdb.readUInt8(1) & IMMED_BIT) !== 0;
  unit.device.flush((flushError) => {
    if (immediate) return; // answered already; a device that failed fails the next command
    if (flushError === undefined) request.good();
    else request.check(senseOf(flushError, 'write'));
  });
  if (immediate) request.good();
}

const common = { reservation: 'changes', medium: true, run: synchronizeCache } as const;

export const SYNCHRONIZE_CACHE_COMMANDS: readonly Command[] = [
  { name: 'SYNCHRONIZE CACHE (10)', opcode: 0x35, usage: '35 06 ffffffff 1f ffff 00', ...common },
  { name: 'SYNCHRONIZE CACHE (16)', opcode: 0x91, usage: '91 06 ffffffffffffffff ffffffff 1f 00', ...common },
];
