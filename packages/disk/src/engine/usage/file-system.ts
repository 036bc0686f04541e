/**
 * Which file system a volume holds, and whether it is in a state in which its own record of free blocks can be trusted: nobody has it
 * mounted, and it was left in order.
 *
 * Sources: ext2/3/4, the kernel's Documentation/filesystems/ext4/super.rst; Btrfs, its on-disk format, superblock; XFS, xfs_logprint(8).
 */
import { EterneError } from '@eterne/base';

/** As much of the volume's beginning as `recognise` wants to see. */
export const HEAD_BYTES = 128 * 1024;

export interface FileSystem {
  readonly name: string;
  /** Of partclone: it writes the map of used blocks. */
  readonly program: string;
  /**
   * Free blocks are read off fixed places, each of which shows an old or a new state: writes meanwhile need only be left out. Otherwise the
   * map counts only if nothing was written while it was read.
   */
  readonly toleratesWrites: boolean;
  /** Whether it was left in order takes another tool to tell: a program, and what it must print. */
  readonly check?: { readonly command: readonly [string, ...string[]]; readonly expected: string };
}

const EXT_MAGIC_AT = 0x438;
const EXT_STATE_AT = 0x43a;
const EXT_INCOMPATIBLE_AT = 0x460;
const EXT_NEEDS_RECOVERY = 4;
const BTRFS_AT = 0x1_0000;

/** `path`: where tools find the volume. An error says why everything is to be copied. */
export function recognise(head: Buffer, path: string): FileSystem | EterneError {
  if (head.readUInt16LE(EXT_MAGIC_AT) === 0xef53) return recogniseExt(head);
  if (head.toString('latin1', 0, 4) === 'XFSB')
    return {
      name: 'XFS',
      program: 'partclone.xfs',
      toleratesWrites: false,
      check: { command: ['xfs_logprint', '-t', '-f', path], expected: '<CLEAN>' },
    };
  if (head.toString('latin1', BTRFS_AT + 0x40, BTRFS_AT + 0x48) === '_BHRfS_M') {
    if (head.readBigUInt64LE(BTRFS_AT + 0x60) !== 0n) return notInOrder('Btrfs');
    return { name: 'Btrfs', program: 'partclone.btrfs', toleratesWrites: false };
  }
  return new EterneError('unsupported', 'no file system that is known');
}

/** The first bit of the state says that it was unmounted, the second that errors were found. */
function recogniseExt(head: Buffer): FileSystem | EterneError {
  const state = head.readUInt16LE(EXT_STATE_AT);
  const needsRecovery = (head.readUInt32LE(EXT_INCOMPATIBLE_AT) & EXT_NEEDS_RECOVERY) !== 0;
  if ((state & 3) !== 1 || needsRecovery) return notInOrder('ext2/3/4');
  return { name: 'ext2/3/4', program: 'partclone.extfs', toleratesWrites: true };
}

function notInOrder(name: string): EterneError {
  return new EterneError('refused', `the ${name} file system is mounted or was not left in order`);
}
