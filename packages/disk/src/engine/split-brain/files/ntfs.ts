/**
 * NTFS: ntfscluster names the files that touch a range of clusters, not how much of it each has. So the bytes of a range
 * count for every file in it.
 */
import type { Processes } from '@eterne/runtime';
import type { ChangedExtent } from '../report.ts';
import { FileTally, runTool, sumOf, type FoundFiles } from './tool.ts';

/** Each costs a run of the tool, which reads the whole file table. */
const MAX_RANGES = 48;
/** `Inode 64 /big.bin/$DATA` */
const OWNER = /^Inode (\d+) (\/.+)\/\$[A-Z_]+(?:\(.*\))?$/;
/** The file system's own files have lower numbers. */
const FIRST_USER_INODE = 24;

export function findInNtfs(
  processes: Processes,
  devicePath: string,
  clusterBytes: number,
  extents: readonly ChangedExtent[],
  done: (found: FoundFiles) => void,
): void {
  const tally = new FileTally();
  let otherBytes = sumOf(extents.slice(MAX_RANGES));
  let note = extents.length > MAX_RANGES ? `only the first ${MAX_RANGES} changed ranges were looked at` : '';
  const look = (index: number): void => {
    const extent = index < MAX_RANGES ? extents[index] : undefined;
    if (extent === undefined) return done({ files: tally.files, otherBytes, note });
    const first = Math.floor(extent.offset / clusterBytes);
    const last = Math.ceil((extent.offset + extent.lengthBytes) / clusterBytes) - 1;
    runTool(processes, ['ntfscluster', '-f', '-c', `${first}-${last}`, devicePath], '', (result) => {
      if ('note' in result) {
        note = result.note;
        otherBytes += sumOf(extents.slice(index, MAX_RANGES));
        return done({ files: tally.files, otherBytes, note });
      }
      const paths = ownersIn(result.output);
      for (const path of paths) tally.add(path, extent.lengthBytes);
      if (paths.size === 0) otherBytes += extent.lengthBytes;
      look(index + 1);
    });
  };
  look(0);
}

function ownersIn(output: string): Set<string> {
  const paths = new Set<string>();
  for (const line of output.split('\n')) {
    const [, inode, path] = OWNER.exec(line.trim()) ?? [];
    if (path !== undefined && Number(inode) >= FIRST_USER_INODE) paths.add(path);
  }
  return paths;
}
