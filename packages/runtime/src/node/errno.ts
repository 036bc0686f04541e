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

const errnoOf = (error: NodeJS.ErrnoException): string => error.code ?? 'EIO';

/** A Node.js system error as one of ours; `what` says in a few words what was being done. */
export function systemError(what: string, error: NodeJS.ErrnoException): EterneError {
  const errno = errnoOf(error);
  return new EterneError(CODE_OF_ERRNO[errno] ?? 'io', `${what}: ${errno}`, { cause: error });
}
