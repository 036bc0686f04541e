/**
 * Gets the content of a range from a replica that has everything. Nothing is locked while it is on its way (the primary would wait for a write that
 * waits for that lock). When it has come, it is right if no write has touched the range since it was asked for; otherwise it is asked for again.
 */
import type { Timers } from '@eterne/runtime';
import type { RangeLock, RangeLocks } from '../range-locks.ts';

const MAX_ATTEMPTS = 8;
/** A source whose session is lost does not answer at all. */
const ANSWER_TIMEOUT_MS = 5_000;

/** A replica that has everything. `done` with undefined when it cannot read it either; never after its session is lost. */
export interface GoodSource {
  read(offset: number, lengthBytes: number, done: (data: Buffer | undefined) => void): void;
}

export interface FetchParts {
  readonly locks: RangeLocks;
  readonly timers: Timers;
  source(offset: number, lengthBytes: number): GoodSource | undefined;
}

export interface FetchedRange {
  readonly data: Buffer;
  /** Gives the range back, which is locked from the answer on. */
  readonly release: () => void;
}

interface Range {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** Answers once; with a sentence when the content is not to be had. */
export function fetchGood(
  parts: FetchParts,
  range: Range,
  done: (result: FetchedRange | string) => void,
  attempt = 1,
): void {
  const source = parts.source(range.offset, range.lengthBytes);
  if (source === undefined) return done('no other replica has its content');
  const again = (): void =>
    attempt < MAX_ATTEMPTS
      ? fetchGood(parts, range, done, attempt + 1)
      : done('it is written too often just now');
  const watch = parts.locks.watch(range.offset, range.lengthBytes);
  let isOver = false;
  const answer = (data: Buffer | undefined, problem: string): void => {
    if (isOver) return;
    isOver = true;
    timeout.cancel();
    parts.locks.unwatch(watch);
    if (data === undefined) done(problem);
    else if (watch.touched) again();
    else lockAtOnce(parts.locks, range, again, (release) => done({ data, release }));
  };
  const timeout = parts.timers.after(ANSWER_TIMEOUT_MS, () =>
    answer(undefined, 'the other replica did not answer'),
  );
  source.read(range.offset, range.lengthBytes, (data) =>
    answer(data, 'the other replica cannot read it either'),
  );
}

/** A lock that is not to be had at once belongs to a write that the content may lack: `again` when that is over. */
function lockAtOnce(
  locks: RangeLocks,
  range: Range,
  again: () => void,
  held: (release: () => void) => void,
): void {
  const lock: RangeLock = {
    ...range,
    blockers: 0,
    waiters: undefined,
    granted: () => {
      locks.release(lock);
      again();
    },
  };
  if (locks.acquire(lock)) held(() => locks.release(lock));
}
