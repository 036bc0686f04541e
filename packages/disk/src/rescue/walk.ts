/**
 * Reading the rescue journal's log in its order. A loop as long as the store answers at once; recursion would be as deep as the log is long.
 */
import { EterneError, crc32c } from '@eterne/base';
import type { StoreDone } from '@eterne/runtime';
import { BLOCK_BYTES } from '../metadata/api.ts';
import { PAGE_BYTES, type Header } from './header.ts';
import { decodeRecordHead, type RecordHead } from './record.ts';

export type ReadLog = (position: number, into: Buffer, done: StoreDone) => void;

/** Goes on with `next` when told so, or ends. */
type Visit = (head: RecordHead, next: (goOn: boolean) => void) => void;

interface WalkEnd {
  /** Behind the last record that was visited. */
  readonly position: number;
}

/**
 * Visits every record in [from, to) until one is none, or is of an older epoch than its predecessor: leftovers of a torn batch. `to`
 * undefined: as far as there are records.
 */
export function walk(
  read: ReadLog,
  from: number,
  to: number | undefined,
  visit: Visit,
  done: (result: WalkEnd | EterneError) => void,
): void {
  let position = from;
  let epoch = 0;
  const page = Buffer.alloc(PAGE_BYTES);
  const step = (next: (goOn: boolean) => void): void => {
    read(position, page, (error) => {
      if (error !== undefined) return done(new EterneError('io', `rescue journal: ${error.message}`));
      const head = decodeRecordHead(page, position);
      if (head === undefined || head.epoch < epoch) return next(false);
      epoch = head.epoch;
      visit(head, (goOn) => {
        if (goOn) position += PAGE_BYTES + head.dataBytes;
        next(goOn);
      });
    });
  };
  loop(
    (next) => (to !== undefined && position >= to ? next(false) : step(next)),
    () => done({ position }),
  );
}

/** Runs `step` again and again until it says false; `then` after that. */
export function loop(step: (next: (goOn: boolean) => void) => void, then: () => void): void {
  let goOn = true;
  while (goOn) {
    let answeredAtOnce = false;
    let returned = false;
    goOn = false;
    step((more) => {
      if (returned) return more ? loop(step, then) : then();
      answeredAtOnce = true;
      goOn = more;
    });
    returned = true;
    if (!answeredAtOnce) return;
  }
  then();
}

/** The data behind a record's page, checked. */
export function readData(
  read: ReadLog,
  head: RecordHead,
  done: (result: Buffer | undefined | EterneError) => void,
): void {
  const data = Buffer.alloc(head.dataBytes);
  if (data.length === 0) return done(data);
  read(head.position + PAGE_BYTES, data, (error) => {
    if (error !== undefined) done(new EterneError('io', `rescue journal: ${error.message}`));
    else done(crc32c(data) === head.dataCrc ? data : undefined);
  });
}

/**
 * Where the log ends. Only records of the last batch can be torn, and whether a batch is the last is known at its end: the first of its
 * records whose data is not what it should be is the end.
 */
export function findEnd(
  read: ReadLog,
  header: Header,
  done: (result: { tail: number; batch: number } | EterneError) => void,
): void {
  const from = header.points[0]?.start ?? header.resumeAt;
  const last: RecordHead[] = [];
  walk(
    read,
    from,
    header.points.length === 0 ? from : undefined,
    (head, next) => {
      if (last[0] !== undefined && (last[0].batch !== head.batch || last[0].epoch !== head.epoch))
        last.length = 0;
      last.push(head);
      next(head.position + head.dataBytes + PAGE_BYTES - from <= header.areaBytes);
    },
    (end) => {
      if (end instanceof EterneError) return done(end);
      firstTorn(read, last, (torn) => {
        if (torn instanceof EterneError) return done(torn);
        done({ tail: torn?.position ?? end.position, batch: last.at(-1)?.batch ?? 0 });
      });
    },
  );
}

function firstTorn(
  read: ReadLog,
  records: readonly RecordHead[],
  done: (result: RecordHead | undefined | EterneError) => void,
): void {
  let index = 0;
  let found: RecordHead | EterneError | undefined;
  loop(
    (next) => {
      const head = records[index++];
      if (head === undefined) return next(false);
      if (head.kind === 'skip') return next(true);
      readData(read, head, (data) => {
        if (data instanceof EterneError) found = data;
        else if (data === undefined) found = head;
        next(found === undefined);
      });
    },
    () => done(found),
  );
}

/** One saved block and its content. */
export type VisitBlock = (block: number, data: Buffer, next: (error?: EterneError) => void) => void;

/**
 * Visits, for a point that began at `from`, the *first* pre-image of each block up to `to`: what the block held at that moment. `isNew`
 * remembers which have been seen.
 */
export function walkPreImages(
  read: ReadLog,
  from: number,
  to: number,
  isNew: (block: number) => boolean,
  visit: VisitBlock,
  done: (error: EterneError | undefined) => void,
): void {
  let failure: EterneError | undefined;
  walk(
    read,
    from,
    to,
    (head, next) => {
      if (head.kind !== 'blocks') return next(true);
      readData(read, head, (data) => {
        failure ??= data instanceof EterneError ? data : undefined;
        if (data === undefined)
          failure = new EterneError('corrupt', 'a record of the rescue journal is damaged');
        if (failure !== undefined || data === undefined || data instanceof EterneError) return next(false);
        visitBlocks(head, data, isNew, visit, (error) => {
          failure ??= error;
          next(failure === undefined);
        });
      });
    },
    (end) => {
      if (end instanceof EterneError) return done(end);
      if (failure === undefined && end.position < to)
        failure = new EterneError('corrupt', `the rescue journal cannot be read beyond ${end.position}`);
      done(failure);
    },
  );
}

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

function visitBlocks(
  head: RecordHead,
  data: Buffer,
  isNew: (block: number) => boolean,
  visit: VisitBlock,
  done: (error: EterneError | undefined) => void,
): void {
  let failure: EterneError | undefined;
  let index = 0;
  let at = 0;
  loop(
    (next) => {
      const entry = head.blocks[index++];
      if (entry === undefined) return next(false);
      const content = entry.isZero ? ZERO_BLOCK : data.subarray(at, at + BLOCK_BYTES);
      if (!entry.isZero) at += BLOCK_BYTES;
      if (!isNew(entry.block)) return next(true);
      visit(entry.block, content, (error) => {
        failure = error;
        next(error === undefined);
      });
    },
    () => done(failure),
  );
}
