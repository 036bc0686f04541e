/**
 * Puts the log of a half that gave way back to what it was before that half began, at the start of the node:
 *
 *   log            → log.parted-ID          everything that the half decided, kept
 *   log.before-ID  → log                    with the votes and starts of `log.parted-ID`, which this member must not forget
 *
 * What it promised in between it promised nobody but itself, so that the member is what it was when it last spoke to the other. Each step can be repeated: the record
 * says `rewind` until the last one is done, and the two copies are only read.
 */
import { EterneError } from '@eterne/base';
import type { Files, World } from '@eterne/runtime';
import type { LogIdentity } from '../storage/format.ts';
import { readLogFile, replaceLogFile } from '../storage/log-store.ts';
import type { LogImage } from '../storage/recover.ts';
import { readSoloRecord, writeSoloRecord, type SoloRecord } from './solo-record.ts';

/** The log as it was before a half began, until the other node has followed that half. */
export const logBefore = (logPath: string, half: string): string => `${logPath}.before-${half}`;
/** The log of a half that gave way. */
export const logParted = (logPath: string, half: string): string => `${logPath}.parted-${half}`;

export interface RewindParts {
  readonly world: Pick<World, 'files' | 'random' | 'log'>;
  readonly recordPath: string;
  readonly logPath: string;
  readonly identity: LogIdentity;
}

type Done = (error: EterneError | undefined) => void;

/** Before the log is opened. Does nothing when there is nothing to put back. */
export function settleRewind(parts: RewindParts, done: Done): void {
  const { world, recordPath } = parts;
  readSoloRecord(world.files, recordPath, (record) => {
    if (record instanceof EterneError) return done(record);
    if (record?.rewind === undefined) return done(undefined);
    return putBack(parts, record, record.rewind, done);
  });
}

function putBack(parts: RewindParts, record: SoloRecord, half: string, done: Done): void {
  const { world, logPath, recordPath, identity } = parts;
  const { files } = world;
  const aside = logParted(logPath, half);
  const at = record.lineage.findIndex(({ id }) => id === half);
  if (at <= 0) return done(new EterneError('corrupt', `raft/solo: no half ${half} to put back`));
  return keepAside(files, logPath, aside, (error) => {
    if (error) return done(error);
    return readLogFile(files, aside, identity, (parted) => {
      if (parted instanceof EterneError) return done(parted);
      return readLogFile(files, logBefore(logPath, half), identity, (before) => {
        if (before instanceof EterneError) return done(before);
        return replaceLogFile(world, logPath, rewound(before, parted), (failed) => {
          if (failed) return done(failed);
          world.log('warn', 'this node’s half gave way: its log is put back', { half, kept: aside });
          const settled = {
            ...record,
            lineage: record.lineage.slice(0, at),
            held: undefined,
            rewind: undefined,
          };
          return writeSoloRecord(files, recordPath, settled, done);
        });
      });
    });
  });
}

/** Pure: the log of `before`, in the life that follows `parted`. */
export function rewound(before: LogImage, parted: LogImage): LogImage {
  const { term, vote, holdMs } = parted.hardState;
  const hold = Math.max(holdMs, before.hardState.holdMs);
  return {
    ...before,
    starts: Math.max(before.starts, parted.starts),
    hardState: { ...before.hardState, term, vote, holdMs: hold },
  };
}

/** A copy of the log as `aside`, unless it is there. */
export function keepAside(files: Files, logPath: string, aside: string, done: Done): void {
  files.readFile(aside, (kept) => {
    if (kept instanceof EterneError) return done(kept);
    if (kept !== undefined) return done(undefined);
    return files.readFile(logPath, (content) => {
      if (content instanceof EterneError) return done(content);
      if (content === undefined) return done(new EterneError('corrupt', `the log is gone: ${logPath}`));
      return files.writeFileAtomic(aside, content, 0o600, done);
    });
  });
}
