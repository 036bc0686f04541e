/** What this side changed since it parted from a peer: its dirty blocks for it, and the files that they belong to. */
import { unreachable, type BlockNumber } from '@eterne/base';
import { BLOCK_BYTES, type DirtyBitmap } from '../../metadata/index.ts';
import type { Replica } from '../replica.ts';
import { DETECT_BYTES, detect, type Detected } from './files/detect.ts';
import { findInExt } from './files/ext.ts';
import { findInNtfs } from './files/ntfs.ts';
import { nothingFound, type FoundFiles } from './files/tool.ts';
import { findInXfs } from './files/xfs.ts';
import { MAX_LISTED_EXTENTS, MAX_LISTED_FILES, type ChangedExtent, type SideReport } from './report.ts';

/** Extents that are looked at for files; a volume may have many more. */
const MAX_EXTENTS = 100_000;
const IN_USE = 'the file system is in use: what it has not written to its place yet is missing';

export function ownChanges(replica: Replica, bitmap: DirtyBitmap, done: (report: SideReport) => void): void {
  const { config, disk, sizeBytes } = replica;
  const extents = extentsOf(bitmap, sizeBytes);
  const head = Buffer.alloc(Math.min(DETECT_BYTES, sizeBytes));
  disk.read(0, head, (error) => {
    const detected = error === undefined ? detect(head) : detect(Buffer.alloc(0));
    findFiles(replica, detected, extents, ({ files, otherBytes, note }) =>
      done({
        node: config.node,
        changedBytes: bitmap.dirtyBytes,
        extents: extents.slice(0, MAX_LISTED_EXTENTS),
        extentCount: extents.length,
        fileSystem: detected.kind,
        files: files.slice(0, MAX_LISTED_FILES),
        fileCount: files.length,
        otherBytes,
        note: note === '' && replica.primary !== undefined && detected.kind !== 'unknown' ? IN_USE : note,
      }),
    );
  });
}

function extentsOf(bitmap: DirtyBitmap, sizeBytes: number): ChangedExtent[] {
  const extents: ChangedExtent[] = [];
  for (let from = 0; extents.length < MAX_EXTENTS;) {
    const run = bitmap.nextDirty(from as BlockNumber, bitmap.blockCount);
    if (run === undefined) break;
    from = run.firstBlock + run.blockCount;
    const offset = run.firstBlock * BLOCK_BYTES;
    extents.push({ offset, lengthBytes: Math.min(from * BLOCK_BYTES, sizeBytes) - offset });
  }
  return extents;
}

function findFiles(
  { config, world }: Replica,
  { kind, blockBytes }: Detected,
  extents: readonly ChangedExtent[],
  done: (found: FoundFiles) => void,
): void {
  const { devicePath, members } = config;
  if (members !== undefined)
    return done(nothingFound(extents, 'the volumes of a mirror set are not searched for files'));
  if (devicePath.includes('://')) return done(nothingFound(extents, `no tool can read ${devicePath}`));
  switch (kind) {
    case 'unknown':
      return done(nothingFound(extents, 'no file system that is known (ext2/3/4, XFS, NTFS, unpartitioned)'));
    case 'ext':
      return findInExt(world.processes, devicePath, blockBytes, extents, done);
    case 'xfs':
      return findInXfs(world.processes, devicePath, blockBytes, extents, done);
    case 'ntfs':
      return findInNtfs(world.processes, devicePath, blockBytes, extents, done);
    default:
      return unreachable(kind);
  }
}
