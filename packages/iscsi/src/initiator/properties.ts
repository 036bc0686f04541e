/** What a LUN is: READ CAPACITY (16) (SBC-3 §5.16) and the vital product data pages B0h and B2h (SBC-3 §6.6.3, §6.6.4), where it has them. */
import { EterneError, MIB } from '@eterne/base';
import type { RemoteLun } from './lun.ts';

export interface LunProperties {
  readonly blockBytes: number;
  readonly sizeBytes: number;
  readonly maxTransferBytes: number;
  /** Zeroed ranges can be given back and read as zeroes then. */
  readonly canPunch: boolean;
  readonly maxWriteSameBytes: number;
}

const MAX_TRANSFER_BYTES = 4 * MIB;
/** Where the target names no limit. */
const MAX_WRITE_SAME_BYTES = 16 * MIB;
const CAPACITY_BYTES = 32;
const PAGE_BYTES = 64;
const LBPRZ_BIT = 0x40;
const LBPWS_BIT = 0x40;
const PAGE = { blockLimits: 0xb0, provisioning: 0xb2 } as const;

export function readProperties(lun: RemoteLun, done: (result: LunProperties | EterneError) => void): void {
  const into = Buffer.alloc(CAPACITY_BYTES);
  const cdb = Buffer.from('9e100000000000000000000000200000', 'hex');
  lun.command('ask the size of', cdb, { kind: 'read', into }, (error, readBytes) => {
    if (error !== undefined || readBytes < 13)
      return done(new EterneError('io', error?.message ?? `${lun.name} does not tell its size`));
    const blockBytes = into.readUInt32BE(8);
    const blocks = Number(into.readBigUInt64BE(0)) + 1;
    if (blockBytes < 512 || !Number.isSafeInteger(blocks * blockBytes))
      return done(new EterneError('unsupported', `${lun.name} tells an impossible size`));
    const readsZero = (into.readUInt8(14) & LBPRZ_BIT) !== 0;
    withPages(lun, blockBytes, blocks * blockBytes, readsZero, done);
  });
}

function withPages(
  lun: RemoteLun,
  blockBytes: number,
  sizeBytes: number,
  readsZero: boolean,
  done: (result: LunProperties) => void,
): void {
  readPage(lun, PAGE.blockLimits, (limits) => {
    readPage(lun, PAGE.provisioning, (provisioning) => {
      const maxTransferBlocks = limits.readUInt32BE(8);
      const maxWriteSameBlocks = Number(limits.readBigUInt64BE(36));
      const atMost = (blocks: number, mostBytes: number): number =>
        blocks === 0 ? mostBytes : Math.min(blocks * blockBytes, mostBytes);
      done({
        blockBytes,
        sizeBytes,
        maxTransferBytes: atMost(maxTransferBlocks, MAX_TRANSFER_BYTES),
        canPunch: readsZero && (provisioning.readUInt8(5) & LBPWS_BIT) !== 0,
        maxWriteSameBytes: atMost(maxWriteSameBlocks, MAX_WRITE_SAME_BYTES),
      });
    });
  });
}

/** All zeroes where the LUN has no such page. */
function readPage(lun: RemoteLun, page: number, done: (bytes: Buffer) => void): void {
  const into = Buffer.alloc(PAGE_BYTES);
  const cdb = Buffer.from([0x12, 0x01, page, 0, PAGE_BYTES, 0]);
  lun.command('inquire about', cdb, { kind: 'read', into }, (error, readBytes) =>
    done(error === undefined && readBytes > 4 && into[1] === page ? into : Buffer.alloc(PAGE_BYTES)),
  );
}
