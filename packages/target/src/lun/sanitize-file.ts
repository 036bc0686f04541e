/** What SANITIZE has begun, in a file beside the LUN; see `scsi/sanitize/record.ts` for its content. */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import {
  decodeSanitize,
  encodeSanitize,
  type SanitizeRecord,
  type SanitizeStore,
} from '../scsi/sanitize/record.ts';

const PRIVATE_MODE = 0o600;

export const sanitizeFile = (files: Files, path: string): SanitizeStore => ({
  save(record, done) {
    if (record === undefined) files.remove(path, done);
    else files.writeFileAtomic(path, encodeSanitize(record), PRIVATE_MODE, done);
  },
});

export function loadSanitize(
  files: Files,
  path: string,
  done: (found: SanitizeRecord | undefined | EterneError) => void,
): void {
  files.readFile(path, (content) =>
    done(content === undefined || content instanceof EterneError ? content : decodeSanitize(content, path)),
  );
}
