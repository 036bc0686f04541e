import { EterneError, type ErrorCode } from '@eterne/base';
import type { StoreError, StoreErrorKind } from '../ports.ts';

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

const KIND_OF_ERRNO: Readonly<Record<string, StoreErrorKind>> = {
  EIO: 'sector',
  ENODATA: 'sector',
  EILSEQ: 'sector',
  EREMOTEIO: 'sector',
  ENXIO: 'device',
  ENODEV: 'device',
  EBADF: 'device',
  ESTALE: 'device',
  ESHUTDOWN: 'device',
  ETIMEDOUT: 'timeout',
  EBADE: 'reservation-conflict',
};

/**
 * DESIGN §4 "Errors": what is wrong with one sector, with the device, or only with the request. Anything unknown is the request's
 * own (`logical`) and goes up to the file system.
 */
export function storeError(what: string, errno: string): StoreError {
  return { kind: KIND_OF_ERRNO[errno] ?? 'logical', errno, message: `${what}: ${errno}` };
}
