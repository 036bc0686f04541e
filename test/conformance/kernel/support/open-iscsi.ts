/** open-iscsi in a guest, on targets of this machine. */
import assert from 'node:assert/strict';
import { HOST } from './guest.ts';

/** Lines of sh: its daemon, without what the machine's own knows. `initiator`: its name, where two guests must be told apart. */
export function startOpenIscsi(initiator?: string): string {
  const named =
    initiator === undefined ? '' : `echo InitiatorName=${initiator} >/etc/iscsi/initiatorname.iscsi\n`;
  return `
    mkdir -p /run/lock/iscsi; rm -rf /etc/iscsi/nodes /etc/iscsi/send_targets
    ${named}iscsid`;
}

export const portal = (port: number): string => `${HOST}:${port}`;
export const portOf = (address: string): number => Number(address.split(':')[1]);

/** Lines of sh: a session with `iqn` at `port` and `settings`; `$disk` is then its disk. */
export function logIn(
  iqn: string,
  port: number,
  settings: Readonly<Record<string, string | number>> = {},
): string {
  const node = `iscsiadm -m node -T ${iqn} -p ${portal(port)}`;
  return `
    ${node} -o new >/dev/null
    ${Object.entries(settings)
      .map(([name, value]) => `${node} -o update -n ${name} -v ${value}`)
      .join('\n    ')}
    ${node} --login
    session=$(iscsiadm -m session | grep ${portal(port)} | sed 's/.*\\[\\([0-9]*\\)\\].*/\\1/')
    until disk=/dev/$(ls /sys/class/iscsi_session/session$session/device/target*/*/block 2>/dev/null | grep sd) && test -b $disk; do sleep 0.2; done
    echo disk $disk`;
}

export const logOut = (iqn: string, port: number): string =>
  `iscsiadm -m node -T ${iqn} -p ${portal(port)} --logout`;

export const diskIn = (output: string): string => /^disk (\S+)$/m.exec(output)?.[1] ?? assert.fail(output);
