/** Duty 1 of monitor/leftovers.ts, where the launcher needs no agents for it. */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { RecordBook, type StartedRecord } from '../monitor/record-book.ts';
import { leftoversPath, startedPath } from './layout.ts';

/** `records`: what started.json held. Those of a life before, which no monitor has seen to yet, stay. */
export function leaveBehind(
  files: Files,
  dir: string,
  records: readonly StartedRecord[],
  done: (error: EterneError | undefined) => void,
): void {
  if (records.length === 0) return files.remove(startedPath(dir), done);
  const book = new RecordBook(files, leftoversPath(dir));
  book.read((older) => {
    if (older instanceof EterneError) return done(older);
    const known = new Set(older.map(({ mark }) => mark));
    book.write([...older, ...records.filter(({ mark }) => !known.has(mark))], (error) => {
      if (error) return done(error);
      files.remove(startedPath(dir), done);
    });
  });
}
