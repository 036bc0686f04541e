/**
 * `vm`: a whole virtual machine (C5), in one of two ways:
 *
 *   qemu: [qemu-system-x86_64, argument …]   run in the foreground; its disk for example `-drive file=${vol.device},format=raw,if=virtio`, where
 *                                            `vol` is a mirror with `attach: none`: QEMU speaks to the mirror itself, without the kernel
 *   domain: NAME, definition: FILE           a libvirt domain, started as a transient one from its XML, so that libvirt never starts it by
 *                                            itself; `connect` is virsh's URI (default qemu:///system)
 *
 * Stopped by its power button; what has not gone down after 80 % of the stop time-out is switched off.
 */
import { EterneError } from '@eterne/base';
import type { Fields } from '../../../node/fields.ts';

const DOMAIN = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$/;
const ABSOLUTE = /^\/[^\0\n]*$/;
const INTERVAL_MS_DEFAULT = 2000;
const TIMEOUT_MS_DEFAULT = 2000;

export interface QemuMachine {
  readonly kind: 'qemu';
  readonly command: readonly [string, ...string[]];
}

export interface LibvirtDomain {
  readonly kind: 'libvirt';
  readonly domain: string;
  readonly definition: string;
  readonly connect: string;
}

export interface VmParams {
  readonly machine: QemuMachine | LibvirtDomain;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export function parseVmParams(fields: Fields): VmParams {
  const check = fields.optional('check', (name) => fields.object(name), undefined);
  const read = (name: string, otherwise: number): number =>
    check?.optional(name, () => check.durationMs(name), otherwise) ?? otherwise;
  const params = {
    machine: parseMachine(fields),
    intervalMs: read('interval', INTERVAL_MS_DEFAULT),
    timeoutMs: read('timeout', TIMEOUT_MS_DEFAULT),
  };
  check?.end();
  return params;
}

function parseMachine(fields: Fields): VmParams['machine'] {
  const qemu = fields.optional('qemu', (name) => fields.texts(name), undefined);
  const domain = fields.optional('domain', (name) => fields.matching(name, DOMAIN), undefined);
  if ((qemu === undefined) === (domain === undefined))
    throw new EterneError('config', 'a vm has either qemu or a domain');
  if (domain !== undefined)
    return {
      kind: 'libvirt',
      domain,
      definition: fields.matching('definition', ABSOLUTE),
      connect: fields.optional('connect', (name) => fields.text(name), 'qemu:///system'),
    };
  const [program, ...args] = qemu ?? [];
  if (program === undefined || program === '') throw new EterneError('config', 'qemu is empty');
  if (args.some((arg) => ['-daemonize', '-qmp'].includes(arg)))
    throw new EterneError('config', 'qemu runs in the foreground, and its -qmp is ours');
  return { kind: 'qemu', command: [program, ...args] };
}
