/**
 * Which journal's points are whole. The replica's metadata names the one that has saved everything that was overwritten, and is the only one to
 * know when there was none: the journal itself cannot be written any more then.
 *
 * Duties
 * 1. That no journal saves is durable (NIL) before the first block is overwritten unsaved: when the journal fails (`Rescue`), and before a replica is
 *    opened without one (`disown`).
 * 2. A journal that the metadata does not name has missed something: its points are not saved for any more, durably, before the metadata names it.
 */
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { NIL_UUID, type Uuid, type VolumeMetadata } from '../metadata/api.ts';
import type { RescueDone } from './api.ts';
import type { PointEntry } from './header.ts';
import type { RescueLog } from './log.ts';

type Named = Pick<VolumeMetadata, 'state' | 'update' | 'volume'>;

/** The journal is open; nothing is overwritten before `done`. */
export function adopt(world: Pick<World, 'log'>, metadata: Named, log: RescueLog, done: RescueDone): void {
  if (metadata.state.rescueJournal === log.journalUuid) return done(undefined);
  const ended = endedPoints(log);
  const name = (error: EterneError | undefined): void =>
    error === undefined ? setJournal(metadata, log.journalUuid, done) : done(error);
  if (ended === log.points) return name(undefined);
  world.log(
    'warn',
    `volume ${metadata.volume}: blocks were overwritten that the rescue journal did not keep: its points are not whole`,
  );
  log.setPoints(ended, name);
}

/** No journal saves what is overwritten from now on. */
export function disown(metadata: Pick<VolumeMetadata, 'state' | 'update'>, done: RescueDone): void {
  if (metadata.state.rescueJournal === NIL_UUID) done(undefined);
  else setJournal(metadata, NIL_UUID, done);
}

/** Its points as they are when nothing is saved for them any more: a copy that one of them was for cannot be undone. */
export function endedPoints(log: RescueLog): readonly PointEntry[] {
  const isLive = ({ end }: PointEntry): boolean => end === undefined;
  if (!log.points.some(isLive)) return log.points;
  return log.points.map((point) =>
    isLive(point) ? { ...point, end: log.tail, flawed: point.flawed || point.state === 'copying' } : point,
  );
}

function setJournal(metadata: Pick<VolumeMetadata, 'update'>, uuid: Uuid, done: RescueDone): void {
  metadata.update((state) => ({ ...state, rescueJournal: uuid }), done);
}
