/**
 * ext2, ext3, ext4: debugfs tells which inode has a block (`icheck`) and what it is called (`ncheck`). It opens the device
 * read-only and does not replay the journal.
 */
import type { Processes } from '@eterne/runtime';
import type { ChangedExtent } from '../report.ts';
import { FileTally, nothingFound, runTool, unitsOf, type FoundFiles } from './tool.ts';

/** Each command looks through all inodes once; its line must fit debugfs's buffer. */
const BLOCKS_PER_COMMAND = 600;
const MAX_BLOCKS = 12_000;
const INODES_PER_COMMAND = 500;

export function findInExt(
  processes: Processes,
  devicePath: string,
  blockBytes: number,
  extents: readonly ChangedExtent[],
  done: (found: FoundFiles) => void,
): void {
  const { units, isAll } = unitsOf(extents, blockBytes, MAX_BLOCKS);
  const note = isAll ? '' : `only the first ${MAX_BLOCKS * blockBytes} changed bytes were looked at`;
  ask(processes, devicePath, 'icheck', inPieces(units, BLOCKS_PER_COMMAND), (blocks) => {
    if ('note' in blocks) return done(nothingFound(extents, blocks.note));
    const inodeOf = new Map(blocks.rows.map(([block, inode]) => [Number(block), inode]));
    const inodes = [...new Set(inodeOf.values())].filter((inode) => /^\d+$/.test(inode));
    ask(processes, devicePath, 'ncheck', inPieces(inodes, INODES_PER_COMMAND), (names) => {
      if ('note' in names) return done(nothingFound(extents, names.note));
      const pathOf = new Map(names.rows.map(([inode, path]) => [inode, path.replace(/^\/+/, '/')]));
      const tally = new FileTally();
      for (const block of units) {
        const path = pathOf.get(inodeOf.get(block) ?? '');
        if (path !== undefined) tally.add(path, blockBytes);
      }
      done({ files: tally.files, otherBytes: units.length * blockBytes - tally.totalBytes, note });
    });
  });
}

type Row = readonly [string, string];

/** Runs one command for each piece and answers the rows of all tables: two columns, separated by a tab. */
function ask(
  processes: Processes,
  devicePath: string,
  command: 'icheck' | 'ncheck',
  pieces: readonly (readonly (number | string)[])[],
  done: (result: { readonly rows: readonly Row[] } | { readonly note: string }) => void,
): void {
  if (pieces.length === 0) return done({ rows: [] });
  const stdin = pieces.map((piece) => `${command} ${piece.join(' ')}\n`).join('');
  runTool(processes, ['debugfs', '-f', '-', devicePath], stdin, (result) => {
    if ('note' in result) return done(result);
    const rows = result.output.split('\n').flatMap((line): Row[] => {
      const [, first, second] = /^(\d+)\t(.+)$/.exec(line) ?? [];
      return first === undefined || second === undefined ? [] : [[first, second]];
    });
    done({ rows });
  });
}

function inPieces<T>(values: readonly T[], length: number): T[][] {
  const pieces: T[][] = [];
  for (let at = 0; at < values.length; at += length) pieces.push(values.slice(at, at + length));
  return pieces;
}
