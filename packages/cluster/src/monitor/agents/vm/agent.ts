import type { Agent } from '../agent.ts';
import { checkDomain, destroyDomain, findDomain, startDomain, stopDomain } from './libvirt.ts';
import { parseVmParams, type VmParams } from './params.ts';
import { checkQemu, startQemu, stopQemu } from './qemu.ts';

export const vmAgent: Agent<VmParams> = {
  type: 'vm',
  parse: parseVmParams,
  start(hands, job, timeoutMs, done) {
    const { machine } = job.params;
    if (machine.kind === 'qemu') startQemu(hands, job, machine, timeoutMs, done);
    else startDomain(hands, machine, timeoutMs, done);
  },
  stop(hands, job, timeoutMs, done) {
    const { machine } = job.params;
    if (machine.kind === 'qemu') stopQemu(hands, job, timeoutMs, done);
    else stopDomain(hands, machine, timeoutMs, done);
  },
  checks: ({ intervalMs, timeoutMs }) => [{ name: 'quick', intervalMs, timeoutMs }],
  check(hands, job, { timeoutMs }, done) {
    const { machine } = job.params;
    if (machine.kind === 'qemu') checkQemu(hands, job, timeoutMs, done);
    else checkDomain(hands, machine, done);
  },
  find(hands, { params: { machine } }, _timeoutMs, done) {
    if (machine.kind === 'qemu') done(false);
    else findDomain(hands, machine, done);
  },
  /** A QEMU of ours is dead by then; libvirt's is its own child. */
  abandon(hands, { params: { machine } }, done) {
    if (machine.kind === 'qemu') done('');
    else destroyDomain(hands, machine, done);
  },
};
