/**
 * A node certificate, issued in a process of its own (`issue-main.ts`): the certificate library takes some 20 MiB, which a service that has admitted one node would keep for good.
 *
 *   to the process: JSON on stdin, `IssueOrder`; from it: the certificate as PEM on stdout, or a sentence on stderr and exit code `REFUSED`
 */
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { Authority, CertificateSubject } from './authority.ts';

export interface IssueOrder {
  readonly authority: Authority;
  readonly subject: CertificateSubject;
  readonly requestPem: string;
  /** The date, ms since the epoch. */
  readonly nowMs: number;
}

/** The request is not valid. */
export const REFUSED = 2;

const MAIN = fileURLToPath(new URL('./issue-main.ts', import.meta.url));
const CAPTURE_BYTES = 64 * 1024;
/** On a machine that is very busy. */
const TIMEOUT_MS = 60_000;

/** PEM. `protocol`: the request is malformed, or does not prove possession of its key. `io`: no certificate could be issued. */
export function issueApart({ processes }: Pick<World, 'processes'>, order: IssueOrder): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN] as const;
    const stdin = JSON.stringify(order);
    processes.spawn(
      { command, stdin, captureBytes: CAPTURE_BYTES, timeoutMs: TIMEOUT_MS },
      ({ code, signal, stdout, stderr, startError }) => {
        if (code === 0) return resolve(stdout);
        const why = startError?.message ?? (stderr.trim() || `ended by ${signal}`);
        return reject(
          code === REFUSED
            ? new EterneError('protocol', why)
            : new EterneError('io', `no certificate could be issued: ${why}`),
        );
      },
    );
  });
}
