/** XFS: xfs_db builds a map of all blocks (`blockget`), then tells for a disk address who uses it (`blockuse`). Read-only. */
import type { Processes } from '@eterne/runtime';
import type { ChangedExtent } from '../report.ts';
import { FileTally, nothingFound, runTool, unitsOf, type FoundFiles } from './tool.ts';

const MAX_BLOCKS = 12_000;
const SECTOR_BYTES = 512;
/** `block 25 (0/25) type data inode 131 sub/big.bin` */
const USE = /^block \d+ \(\d+\/\d+\) type \S+(?: inode \d+ (.+))?$/;

export function findInXfs(
  processes: Processes,
  devicePath: string,
  blockBytes: number,
  extents: readonly ChangedExtent[],
  done: (found: FoundFiles) => void,
): void {
  const { units, isAll } = unitsOf(extents, blockBytes, MAX_BLOCKS);
  const asked = units.map((block) => `daddr ${(block * blockBytes) / SECTOR_BYTES}\nblockuse -n\n`);
  const stdin = `blockget -n\n${asked.join('')}`;
  runTool(processes, ['xfs_db', '-r', '-f', devicePath], stdin, (result) => {
    if ('note' in result) return done(nothingFound(extents, result.note));
    const uses = result.output.split('\n').flatMap((line) => USE.exec(line) ?? []);
    if (uses.length === 0 && units.length > 0)
      return done(nothingFound(extents, 'xfs_db could not read the file system (its log may be dirty)'));
    const tally = new FileTally();
    for (const line of result.output.split('\n')) {
      const path = USE.exec(line)?.[1];
      if (path !== undefined) tally.add(`/${path}`, blockBytes);
    }
    const note = isAll ? '' : `only the first ${MAX_BLOCKS * blockBytes} changed bytes were looked at`;
    done({ files: tally.files, otherBytes: units.length * blockBytes - tally.totalBytes, note });
  });
}
