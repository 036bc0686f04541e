/** PRE-FETCH (10), (16): SBC-3 §5.8, §5.9. The device reads ahead on its own, so there is nothing to do but to check the range. */
import type { Command } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import { rangeError, rangeOf } from '../range.ts';
import type { ScsiRequest } from '../scsi-request.ts';

function prefetch(request: ScsiRequest, unit: LogicalUnit): void {
  const error = rangeError(rangeOf(request.cdb), unit);
  if (error !== undefined) return request.check(error);
  // "the cache has sufficient capacity … CONDITION MET": the page cache takes any range of a medium.
  request.conditionMet();
}

const common = { reservation: 'reads', medium: true, run: prefetch } as const;

export const PREFETCH_COMMANDS: readonly Command[] = [
  { name: 'PRE-FETCH (10)', opcode: 0x34, usage: '34 02 ffffffff 1f ffff 00', ...common },
  { name: 'PRE-FETCH (16)', opcode: 0x90, usage: '90 02 ffffffffffffffff ffffffff 1f 00', ...common },
];
