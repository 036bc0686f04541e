/** Opens the journal that a volume is configured with, and reads what its points hold. */
import { EterneError } from '@eterne/base';
import type { Random, World } from '@eterne/runtime';
import { BlockSet } from '../engine/block-set.ts';
import { BLOCK_BYTES } from '../metadata/index.ts';
import type { RescueConfig } from './api.ts';
import type { PointEntry } from './header.ts';
import type { RescueLog } from './log.ts';
import { decodeNote, type PointNote } from './note.ts';
import { openRescueLog } from './open.ts';
import type { FoundPoint } from './rescue.ts';
import { loop, readData, walk } from './walk.ts';

export interface OpenedRescue {
  readonly log: RescueLog;
  readonly found: readonly FoundPoint[];
}

type Opened = (result: OpenedRescue | EterneError) => void;

export function openRescue(
  world: Pick<World, 'stores'> & { readonly random: Pick<Random, 'uuid'> },
  config: RescueConfig & { readonly timeoutMs: number; readonly mayCreate: boolean },
  replicaUuid: string,
  done: Opened,
): void {
  const { maxBytes, mayCreate, timeoutMs } = config;
  const options = { timeoutMs, ...(mayCreate ? { createSizeBytes: maxBytes } : {}) };
  world.stores.open(config.path, options, (store) => {
    if (store instanceof EterneError) return done(store);
    openRescueLog({ store, replicaUuid, random: world.random }, (log) => {
      if (log instanceof EterneError) return done(log);
      findPoints(log, (found) => {
        if (found instanceof EterneError) log.close(() => done(found));
        else done({ log, found });
      });
    });
  });
}

function findPoints(log: RescueLog, done: (result: FoundPoint[] | EterneError) => void): void {
  const found: FoundPoint[] = [];
  let failure: EterneError | undefined;
  loop(
    (next) => {
      const point = log.points[found.length];
      if (point === undefined) return next(false);
      findPoint(log, point, (result) => {
        if (result instanceof EterneError) failure = result;
        else found.push(result);
        next(failure === undefined);
      });
    },
    () => done(failure ?? found),
  );
}

function findPoint(
  log: RescueLog,
  point: PointEntry,
  done: (result: FoundPoint | EterneError) => void,
): void {
  const saved = new BlockSet();
  let savedBlocks = 0;
  let note: PointNote | undefined;
  const read = log.read.bind(log);
  walk(
    read,
    point.start,
    point.end ?? log.tail,
    (head, next) => {
      for (const { block } of head.blocks) {
        if (!saved.touches(block * BLOCK_BYTES, 1)) savedBlocks += 1;
        saved.add(block * BLOCK_BYTES, 1);
      }
      if (head.kind !== 'begin' || note !== undefined) return next(true);
      readData(read, head, (data) => {
        note = data instanceof Buffer ? decodeNote(data.subarray(0, head.noteBytes)) : undefined;
        next(note !== undefined);
      });
    },
    (end) => {
      if (end instanceof EterneError) return done(end);
      if (note === undefined || end.position < (point.end ?? log.tail))
        return done(new EterneError('corrupt', `point ${point.id} of the rescue journal is damaged`));
      done({ id: point.id, note, saved, savedBlocks });
    },
  );
}
