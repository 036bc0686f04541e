/** A transmission request as plain data, and the one function that decides whether it may run. */
import type { BlockDevice } from '@eterne/runtime';
import { MAX_TRANSFER_BYTES } from './limits.ts';
import { COMMAND, COMMAND_FLAG, type NbdErrorName } from './wire.ts';

export interface NbdCommand {
  readonly flags: number;
  /** `COMMAND` code, or any other number a client may send. */
  readonly type: number;
  /** The client's 64-bit handle, returned untouched; two halves, because a number holds only 53 bits. */
  readonly cookieHigh: number;
  readonly cookieLow: number;
  readonly offset: number;
  readonly lengthBytes: number;
  /** Only of a WRITE of at most `MAX_TRANSFER_BYTES`. Owned by whoever takes the command. */
  readonly payload: Buffer | undefined;
}

export interface CommandContext {
  readonly device: Pick<BlockDevice, 'sizeBytes' | 'readOnly'>;
  readonly structuredReplies: boolean;
  readonly allocationContext: boolean;
}

/** Flags each command may carry ("Command flags"); others are EINVAL. */
function allowedFlags(type: number, context: CommandContext): number {
  switch (type) {
    case COMMAND.read:
      return COMMAND_FLAG.fua | (context.structuredReplies ? COMMAND_FLAG.df : 0);
    case COMMAND.writeZeroes:
      return COMMAND_FLAG.fua | COMMAND_FLAG.noHole;
    case COMMAND.blockStatus:
      return COMMAND_FLAG.fua | COMMAND_FLAG.reqOne;
    default:
      // "FUA … on any command", without effect where nothing is written.
      return COMMAND_FLAG.fua;
  }
}

const isChange = (type: number): boolean =>
  type === COMMAND.write || type === COMMAND.writeZeroes || type === COMMAND.trim;

/**
 * The error a request deserves before it touches the device, or undefined when it may run ("Error values"):
 * unknown commands, flags and empty ranges are EINVAL, changes of a read-only export EPERM, ranges past the end ENOSPC for
 * WRITE and WRITE_ZEROES and EINVAL for all others, transfers beyond the advertised maximum EINVAL.
 */
export function commandError(command: NbdCommand, context: CommandContext): NbdErrorName | undefined {
  const { type, offset, lengthBytes } = command;
  if ((command.flags & ~allowedFlags(type, context)) !== 0) return 'EINVAL';
  switch (type) {
    case COMMAND.flush:
      return offset === 0 && lengthBytes === 0 ? undefined : 'EINVAL';
    case COMMAND.blockStatus:
      if (!context.allocationContext) return 'EINVAL';
      break;
    case COMMAND.read:
    case COMMAND.write:
      if (lengthBytes > MAX_TRANSFER_BYTES) return 'EINVAL';
      break;
    case COMMAND.trim:
    case COMMAND.cache:
    case COMMAND.writeZeroes:
      break;
    default:
      return 'EINVAL';
  }
  if (isChange(type) && context.device.readOnly) return 'EPERM';
  if (lengthBytes === 0) return 'EINVAL';
  if (offset + lengthBytes <= context.device.sizeBytes) return undefined;
  return type === COMMAND.write || type === COMMAND.writeZeroes ? 'ENOSPC' : 'EINVAL';
}
