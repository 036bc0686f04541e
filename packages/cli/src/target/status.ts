/** `eterne target status`. */
import { resolve } from 'node:path';
import { formatSize } from '@eterne/base';
import { callHttp } from '@eterne/runtime/node/http.ts';
import type { LunStatus, SessionStatus, TargetStatus } from '@eterne/target/control.ts';

const CALL_TIMEOUT_MS = 10_000;

export async function showStatus(options: { readonly control: string; readonly json?: true }): Promise<void> {
  const call = { method: 'GET', path: '/v1/status', timeoutMs: CALL_TIMEOUT_MS } as const;
  const status = (await callHttp(`unix:${resolve(options.control)}`, call)) as TargetStatus;
  process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : statusText(status));
}

function statusText({ portals, targets, sessions }: TargetStatus): string {
  const lines = [
    `portals ${portals.join(', ')}`,
    ...targets.flatMap(({ iqn, state, luns }) => [
      state === 'serving' ? iqn : `${iqn}  does not answer`,
      ...luns.map(lunLine),
      ...sessions.filter(({ target }) => target === iqn).map(sessionLine),
    ]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function lunLine(lun: LunStatus): string {
  const words = [
    formatSize(lun.sizeBytes),
    `blocks of ${lun.blockSize}`,
    ...(lun.thin ? ['thin'] : []),
    ...(lun.readOnly ? ['write-protected'] : []),
    ...(lun.removable ? [`removable, ${lun.medium}`] : []),
    ...sanitizeWords(lun.sanitize),
    ...(lun.registrations > 0 ? [`${lun.registrations} registered`] : []),
    ...(lun.reservation === null ? [] : [`reserved by ${lun.reservation.holder}`]),
  ];
  return `  LUN ${lun.lun}  ${words.join(', ')}`;
}

function sanitizeWords(sanitize: LunStatus['sanitize']): readonly string[] {
  if (sanitize === null) return [];
  return [sanitize.state === 'failed' ? 'could not be sanitized' : `being sanitized, ${sanitize.percent} %`];
}

const sessionLine = ({ port, address, commands }: SessionStatus): string =>
  `  session ${port} from ${address}, ${commands} commands in flight`;
