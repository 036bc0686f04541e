/**
 * The map of used blocks that `partclone.FS --domain` prints, in the format of GNU ddrescue's map file: comment lines, a status line, then
 * `position size status`, hexadecimal bytes; `+` is in use, `?` is not.
 */
import { EterneError } from '@eterne/base';

const LINE = /^0x([0-9A-Fa-f]{1,14})\s+0x([0-9A-Fa-f]{1,14})\s+([+?])$/;

/** Calls `each` with every unused stretch below `sizeBytes`. Gaps, and what lies behind the last line, are in use. */
export function parseDomainMap(
  text: string,
  sizeBytes: number,
  each: (offset: number, lengthBytes: number) => void,
): EterneError | undefined {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  let end = 0;
  // The first line tells where ddrescue would go on.
  for (const line of lines.slice(1)) {
    const [, position, size, status] = LINE.exec(line) ?? [];
    if (position === undefined || size === undefined)
      return new EterneError(
        'unsupported',
        `a map of used blocks that is not understood: ${line.slice(0, 60)}`,
      );
    const offset = Number.parseInt(position, 16);
    const lengthBytes = Number.parseInt(size, 16);
    if (offset < end) return new EterneError('unsupported', 'a map of used blocks that goes backwards');
    end = offset + lengthBytes;
    const cutBytes = Math.min(end, sizeBytes) - offset;
    if (status === '?' && cutBytes > 0) each(offset, cutBytes);
  }
  if (end === 0) return new EterneError('unsupported', 'an empty map of used blocks');
  return undefined;
}
