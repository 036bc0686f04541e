import { EterneError, type ErrorCode } from '@eterne/base';

const CODE_OF_ERRNO: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EEXIST: 'exists',
  EADDRINUSE: 'busy',
  EBUSY: 'busy',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  EPIPE: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'timeout',
};

const HINT_OF_ERRNO: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has it: `ss -lntup` names it',
  EADDRNOTAVAIL:
    'this machine has no such address: give it one, or correct the configuration, of a node by `eterne node readdress`',
};

const errnoOf = (error: NodeJS.ErrnoException): string => error.code ?? 'EIO';

/** A Node.js system error as one of ours; `what` says in a few words what was being done. */
export function systemError(what: string, error: NodeJS.ErrnoException): EterneError {
  const errno = errnoOf(error);
  const hint = HINT_OF_ERRNO[errno];
  const more = hint === undefined ? {} : { hint };
  return new EterneError(CODE_OF_ERRNO[errno] ?? 'io', `${what}: ${errno}`, { ...more, cause: error });
}
