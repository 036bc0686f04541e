/**
 * The frames of a session that is parted by a split brain:
 *
 * - SPLIT_ASK: empty. What did you change?
 * - SPLIT_REPORT: `node text · changed bytes u64 · extents u64 · list of (offset u64, length u64) · file system u8 · files u64 · list of (path text,
 *   changed bytes u64) · other bytes u64 · note text`. The lists may be shorter than the numbers before them say.
 */
import {
  FILE_SYSTEMS,
  MAX_LISTED_EXTENTS,
  MAX_LISTED_FILES,
  MAX_PATH_BYTES,
  type SideReport,
} from '../../engine/split-brain/report.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import { readName } from './common.ts';

export function encodeSplitReport(report: SideReport): Buffer {
  const into = new FieldWriter().text(report.node).uint64(report.changedBytes).uint64(report.extentCount);
  into.list(report.extents, ({ offset, lengthBytes }) => into.uint64(offset).uint64(lengthBytes));
  into.byte(FILE_SYSTEMS.indexOf(report.fileSystem)).uint64(report.fileCount);
  into.list(report.files, ({ path, changedBytes }) => into.text(tailOf(path)).uint64(changedBytes));
  return into.uint64(report.otherBytes).text(tailOf(report.note)).finish();
}

export function decodeSplitReport(body: Buffer): SideReport {
  const from = new FieldReader(body);
  const report: SideReport = {
    node: readName(from),
    changedBytes: from.uint64(),
    extentCount: from.uint64(),
    extents: from.list(MAX_LISTED_EXTENTS, () => ({ offset: from.uint64(), lengthBytes: from.uint64() })),
    fileSystem: from.choice(FILE_SYSTEMS),
    fileCount: from.uint64(),
    files: from.list(MAX_LISTED_FILES, () => ({
      path: from.text(MAX_PATH_BYTES),
      changedBytes: from.uint64(),
    })),
    otherBytes: from.uint64(),
    note: from.text(MAX_PATH_BYTES),
  };
  from.finish();
  return report;
}

/** The end of a long path tells more than its beginning. */
function tailOf(text: string): string {
  let tail = text;
  while (Buffer.byteLength(tail) > MAX_PATH_BYTES) tail = tail.slice(1);
  return tail;
}
