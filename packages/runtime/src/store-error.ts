import type { StoreError, StoreErrorKind } from './ports.ts';

const KIND_OF_ERRNO: Readonly<Record<string, StoreErrorKind>> = {
  EIO: 'sector',
  ENODATA: 'sector',
  EILSEQ: 'sector',
  EREMOTEIO: 'sector',
  ENOSPC: 'logical',
  EDQUOT: 'logical',
  EFBIG: 'logical',
  ETIMEDOUT: 'timeout',
  EBADE: 'reservation-conflict',
};

/**
 * DESIGN §4 "Errors": what is wrong with one place on the disk (`sector`), only with the request (`logical`: no room, which is the file
 * system's business), or with the disk as a whole. Anything unknown is that: a replica too many is isolated rather than trusted.
 */
export function storeError(what: string, errno: string): StoreError {
  return { kind: KIND_OF_ERRNO[errno] ?? 'device', errno, message: `${what}: ${errno}` };
}
