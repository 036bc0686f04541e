import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';

/** Of a small file that may go at any time, as those of /sys and /proc do. */
export function readText(files: Files, path: string, done: (text: string | undefined) => void): void {
  files.readFile(path, (content) =>
    done(
      content === undefined || content instanceof EterneError ? undefined : content.toString('utf8').trim(),
    ),
  );
}
