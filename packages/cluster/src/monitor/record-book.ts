/**
 * DIR/run/started.json: what the monitor has started and not yet stopped, so that its successor adopts it instead of starting it twice.
 *
 * 1. An entry is on disk before anything of its resource is started, and again before its start is reported.
 * 2. It leaves the disk only after nothing of its resource is left.
 *
 * Writes are coalesced: one is under way at a time, and the next takes everything that changed meanwhile.
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import type { GuardedProcess } from '../heart/guard.ts';
import type { ResourceSpec } from '../ports.ts';

const VERSION = 1;

export interface StartedRecord {
  readonly spec: ResourceSpec;
  readonly epoch: number;
  readonly mark: string;
  readonly processes: readonly GuardedProcess[];
  /** Undefined until its start has succeeded. */
  readonly outputs: Readonly<Record<string, string>> | undefined;
}

type Done = (error: EterneError | undefined) => void;

export class RecordBook {
  readonly #files: Files;
  readonly #path: string;
  #records: readonly StartedRecord[] = [];
  #waiting: Done[] = [];
  #writing = false;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** What the predecessor left. A damaged book is an error: guessing could start a resource twice. */
  read(done: (result: readonly StartedRecord[] | EterneError) => void): void {
    this.#files.readFile(this.#path, (content) => {
      if (content instanceof EterneError) return done(content);
      const records = content === undefined ? [] : decode(content);
      if (records === undefined)
        return done(
          new EterneError('corrupt', `${this.#path} cannot be read`, {
            hint: 'stop what runs of it by hand, then remove the file',
          }),
        );
      this.#records = records;
      done(records);
    });
  }

  write(records: readonly StartedRecord[], done: Done): void {
    this.#records = records;
    this.#waiting.push(done);
    if (!this.#writing) this.#flush();
  }

  #flush(): void {
    const served = this.#waiting;
    this.#waiting = [];
    this.#writing = true;
    const content = Buffer.from(JSON.stringify({ version: VERSION, records: this.#records }));
    this.#files.writeFileAtomic(this.#path, content, 0o600, (error) => {
      this.#writing = false;
      if (this.#waiting.length > 0) this.#flush();
      for (const done of served) done(error);
    });
  }
}

function decode(content: Buffer): readonly StartedRecord[] | undefined {
  try {
    const book = JSON.parse(content.toString('utf8')) as { version: unknown; records: StartedRecord[] };
    return book.version === VERSION && Array.isArray(book.records) ? book.records : undefined;
  } catch {
    return undefined;
  }
}
