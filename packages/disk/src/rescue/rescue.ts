/**
 * A replica's rescue journal, opened: the points, their pre-images, and what happens when there is no room (`api.ts` has the idea).
 *
 * Duties
 * 1. A point is durable before the copy that it is for may overwrite anything.
 * 2. That saving for a point has stopped is durable before the first block is overwritten that was not saved: in the journal, or, when that has
 *    failed, in the replica's metadata (`adopt.ts`).
 * 3. If a point cannot be kept while a copy is under way, nothing is overwritten: the copy stops (`pause`). Where the operator would rather do without
 *    the way back (`drop-oldest`), duty 2 is done, and the copy goes on.
 */
import { EterneError, assert } from '@eterne/base';
import type { StoreError, World } from '@eterne/runtime';
import { BlockSet } from '../engine/block-set.ts';
import type { LocalDisk } from '../engine/local-disk.ts';
import { BLOCK_BYTES, type MetadataState } from '../metadata/index.ts';
import { endedPoints } from './adopt.ts';
import type { PointStatus, RescueConfig, RescueDone } from './api.ts';
import { MAX_POINTS, type PointEntry } from './header.ts';
import type { RescueLog } from './log.ts';
import { encodeNote, type PointNote } from './note.ts';
import { PreImages, refusalOf } from './pre-images.ts';
import type { Record } from './record.ts';
import { Serial } from './serial.ts';
import { walkPreImages, type VisitBlock } from './walk.ts';

export interface RescueParts {
  readonly world: Pick<World, 'log'>;
  readonly log: RescueLog;
  readonly disk: Pick<LocalDisk, 'read' | 'guard'>;
  /** Its size is asked for whenever it matters: it may grow. */
  readonly volume: { readonly sizeBytes: number };
  /** Data of a copy that is not over, or was cut short, is on the disk or may be soon. */
  isHalfCopied(): boolean;
  /** The journal has failed: makes durable that it does not keep what is overwritten from now on. */
  disown(done: RescueDone): void;
  readonly whenFull: RescueConfig['whenFull'];
  /** What the log held when it was opened, for each point. */
  readonly found: readonly FoundPoint[];
  /** A copy cannot go on: its session is to be closed before this returns, and not begun again before what `why` hints at has happened. */
  pause(why: EterneError): void;
}

export interface FoundPoint {
  readonly id: number;
  readonly note: PointNote;
  readonly saved: BlockSet;
  readonly savedBlocks: number;
}

interface Contents {
  readonly note: PointNote;
  readonly saved: BlockSet;
  savedBlocks: number;
}

/** What there is of a journal for the rest of the replica, also where it cannot be opened (`lost-rescue.ts`). */
export type RescuePoints = Pick<Rescue, keyof Rescue>;

export class Rescue {
  readonly #parts: RescueParts;
  readonly #images: PreImages;
  readonly #serial = new Serial();
  readonly #contents = new Map<number, Contents>();
  /** The journal has failed, and the mirror goes on without it. */
  #isDisowned = false;

  constructor(parts: RescueParts) {
    this.#parts = parts;
    for (const { id, note, saved, savedBlocks } of parts.found)
      this.#contents.set(id, { note, saved, savedBlocks });
    const newest = (): BlockSet | undefined => this.#savedSince(this.#live.at(-1));
    this.#images = new PreImages({
      volume: parts.volume,
      get saved() {
        return newest();
      },
      read: (offset, into, done) => parts.disk.read(offset, into, done),
      save: (records, unreadable, done) => this.#save(records, unreadable, done),
      areSaved: (blocks) => this.#areSaved(blocks),
    });
    this.#guard();
  }

  get points(): readonly PointStatus[] {
    return this.#parts.log.points.map((point) => {
      const { note, savedBlocks } = this.#contentsOf(point);
      return {
        id: point.id,
        state: point.state,
        peer: note.peer,
        reason: note.reason,
        begunAtWallMs: note.begunAtWallMs,
        savedBytes: savedBlocks * BLOCK_BYTES,
        whole: this.#isWhole(point),
      };
    });
  }

  get unreadable(): EterneError | undefined {
    return this.#parts.log.isClosed ? this.#parts.log.failure : undefined;
  }

  /** Nobody waits for it. */
  get isIdle(): boolean {
    return this.#serial.isIdle && this.#images.isIdle;
  }

  /** Why nothing is kept any more; undefined while it can be. */
  get problem(): string | undefined {
    return this.#parts.log.failure?.message;
  }

  /** The point of the copy under way, or of one cut short. */
  get copying(): PointEntry | undefined {
    return this.#parts.log.points.find(({ state }) => state === 'copying');
  }

  /** Who gave the first blocks of it. */
  get copyingFrom(): string | undefined {
    const { copying } = this;
    return copying === undefined ? undefined : this.#contentsOf(copying).note.peer;
  }

  /** What the replica was before the copy that was cut short; undefined when there is no way back to it. */
  get before(): PointNote['before'] | undefined {
    const { copying } = this;
    if (copying === undefined || !this.#isWhole(copying)) return undefined;
    return this.#contentsOf(copying).note.before;
  }

  /** While nothing is copied: what became of the copy that the last point was for. A replica that began anew has nothing to lay over. */
  reconcile(state: MetadataState, done: RescueDone): void {
    const { copying } = this;
    if (state.justCreated && this.#live.length > 0)
      return this.#change(done, (finish) => this.#stopSaving('the replica began anew', finish));
    if (copying === undefined || state.diskState === 'Inconsistent') return done(undefined);
    const { before } = this.#contentsOf(copying).note;
    // Not begun, or undone; else it was finished, and only the journal did not hear of it.
    if (before.generations.current === state.generations.current) this.#forget(copying.id, done);
    else this.copied(done);
  }

  /** A copy from `peer` is to begin. It goes on with the point of one that was cut short: the way back leads before that. */
  begin(note: PointNote, surplus: boolean, done: RescueDone): void {
    const { log } = this.#parts;
    // The point of one that is over may be in the table still, and nothing is saved for it any more.
    if (log.failure !== undefined && !this.#parts.isHalfCopied())
      return this.#withoutPoint(log.failure, done);
    this.#change(done, (finish) => {
      // Asked for in its turn: the point of the copy before may just be being forgotten.
      const { copying } = this;
      if (copying === undefined) return this.#beginPoint(note, surplus, finish);
      if (this.#parts.isHalfCopied()) return finish(undefined);
      // Its copy was cut short before it overwrote anything, and what was written since is of this side.
      this.#setPoints(withoutPoint(this.#all, copying.id), (error) =>
        error === undefined ? this.#beginPoint(note, surplus, finish) : this.#withoutPoint(error, finish),
      );
    });
  }

  #beginPoint(note: PointNote, surplus: boolean, done: RescueDone): void {
    const { log } = this.#parts;
    // Its first record may be a `skip`.
    const [id, start] = [log.nextPointId, log.tail];
    this.#append([{ kind: 'begin', note: encodeNote(note) }], 'begin', (error) => {
      if (error !== undefined) return this.#withoutPoint(error, done);
      const point = { id, start, end: undefined, state: 'copying', surplus, flawed: false } as const;
      this.#contents.set(id, { note, saved: new BlockSet(), savedBlocks: 0 });
      const isBegun = (problem: EterneError | undefined): void =>
        problem === undefined ? done(undefined) : this.#withoutPoint(problem, done);
      this.#setPoints([...this.#all, point], isBegun, id + 1);
    });
  }

  /** The copy is over, durably. Its point is kept when this side had changes of its own; else nothing was lost that anybody could want. */
  copied(done: RescueDone): void {
    const { copying } = this;
    if (copying === undefined) return done(undefined);
    if (!copying.surplus) return this.#forget(copying.id, done);
    this.#change(done, (finish) =>
      this.#setPoints(withPoint(this.#all, { ...copying, state: 'kept' }), finish),
    );
  }

  /** The operator needs a point no more. */
  drop(id: number, done: RescueDone): void {
    const point = this.#all.find((candidate) => candidate.id === id);
    if (point === undefined) return done(new EterneError('not-found', `there is no rescue point ${id}`));
    if (point.state === 'copying')
      return done(new EterneError('refused', `rescue point ${id} is in use by a copy that is not over`));
    this.#forget(id, done);
  }

  /** Visits what the blocks held at a point, each once, in no order. `corrupt` when the journal is damaged. */
  visit(id: number, each: VisitBlock, done: RescueDone): void {
    const { log } = this.#parts;
    if (this.unreadable !== undefined) return done(this.unreadable);
    const point = this.#all.find((candidate) => candidate.id === id);
    if (point === undefined) return done(new EterneError('not-found', `there is no rescue point ${id}`));
    const seen = new BlockSet();
    const isNew = (block: number): boolean => {
      if (seen.touches(block * BLOCK_BYTES, 1)) return false;
      seen.add(block * BLOCK_BYTES, 1);
      return true;
    };
    walkPreImages(log.read.bind(log), point.start, point.end ?? log.tail, isNew, each, done);
  }

  /** The replica has been taken back, durably, to what it was before the copy. */
  undone(done: RescueDone): void {
    const { copying } = this;
    if (copying === undefined) return done(undefined);
    this.#forget(copying.id, done);
  }

  /** Gives the store of a journal that has failed up, unless it still has what could not be read otherwise. Writes are answered as before. */
  release(done: (isReleased: boolean) => void): void {
    const { log } = this.#parts;
    if (log.isClosed) return done(true);
    log.mayReopen((mayReopen) => (mayReopen ? log.close(() => done(true)) : done(false)));
  }

  close(done: () => void): void {
    this.#serial.run(() => this.#parts.log.close(done));
  }

  get #all(): readonly PointEntry[] {
    return this.#parts.log.points;
  }

  /** Points that are still being saved for. */
  get #live(): readonly PointEntry[] {
    return this.#all.filter(isLive);
  }

  #isWhole(point: PointEntry): boolean {
    return isLive(point) && !point.flawed && !this.#isDisowned;
  }

  /** Blocks must be saved, or the copy be stopped. */
  get #isCopyUnderWay(): boolean {
    return this.copying !== undefined && isLive(this.copying) && this.#parts.isHalfCopied();
  }

  #contentsOf({ id }: PointEntry): Contents {
    const contents = this.#contents.get(id);
    assert(contents !== undefined, `rescue point ${id} has contents`);
    return contents;
  }

  #savedSince(point: PointEntry | undefined): BlockSet | undefined {
    return point === undefined ? undefined : this.#contentsOf(point).saved;
  }

  #areSaved(blocks: BlockSet): void {
    if (this.#isDisowned) return;
    for (const point of this.#live) {
      const contents = this.#contentsOf(point);
      blocks.forEachRun((offset, lengthBytes) => {
        for (let at = offset; at < offset + lengthBytes; at += BLOCK_BYTES)
          if (!contents.saved.touches(at, 1)) contents.savedBlocks += 1;
        contents.saved.add(offset, lengthBytes);
      });
    }
  }

  #guard(): void {
    this.#parts.disk.guard = this.#live.length > 0 && !this.#isDisowned ? this.#images : undefined;
  }

  #change(done: RescueDone, job: (finish: RescueDone) => void): void {
    this.#serial.run((next) =>
      job((error) => {
        next();
        done(error);
      }),
    );
  }

  #forget(id: number, done: RescueDone): void {
    this.#change(done, (finish) => this.#setPoints(withoutPoint(this.#all, id), finish));
  }

  #setPoints(points: readonly PointEntry[], done: RescueDone, nextId?: number): void {
    const isSet = (error: EterneError | undefined): void => {
      const ids = new Set(this.#all.map(({ id }) => id));
      for (const id of this.#contents.keys()) if (!ids.has(id)) this.#contents.delete(id);
      this.#guard();
      done(error);
    };
    this.#parts.log.setPoints(points, isSet, nextId);
  }

  #save(
    records: readonly Record[],
    unreadable: boolean,
    done: (refusal: StoreError | undefined) => void,
  ): void {
    const answer = (error: EterneError | undefined): void =>
      error === undefined ? done(undefined) : this.#unsaved(error, done);
    this.#change(answer, (finish) => {
      if (!unreadable) return this.#append(records, 'save', finish);
      const flawed = this.#all.map((point) => (isLive(point) ? { ...point, flawed: true } : point));
      this.#setPoints(flawed, (error) =>
        error === undefined && records.length > 0 ? this.#append(records, 'save', finish) : finish(error),
      );
    });
  }

  /** Duties 2 and 3; without a copy under way, or by the operator's word, a mirror without a journal is better than none. */
  #unsaved(error: EterneError, done: (refusal: StoreError | undefined) => void): void {
    if (this.#isCopyUnderWay && this.#parts.whenFull === 'pause' && !this.#isDisowned) {
      this.#parts.pause(error);
      return done(refusalOf(error));
    }
    this.#goOnUnsaved(`${error.message}: what is overwritten from now on is not kept`, (problem) =>
      done(problem === undefined ? undefined : refusalOf(problem)),
    );
  }

  /** Duty 2, where the journal itself cannot be told. */
  #goOnUnsaved(message: string, done: RescueDone): void {
    if (this.#isDisowned) return done(undefined);
    this.#parts.disown((problem) => {
      if (problem !== undefined) return done(problem);
      if (!this.#isDisowned) this.#parts.world.log('error', message);
      this.#isDisowned = true;
      this.#guard();
      done(undefined);
    });
  }

  /** Makes room, by the policy, for as long as there is none. */
  #append(records: readonly Record[], purpose: 'begin' | 'save', done: RescueDone): void {
    const { log, whenFull, world } = this.#parts;
    const isTableFull = purpose === 'begin' && this.#all.length === MAX_POINTS;
    const full = (): void => {
      const isSpare = (point: PointEntry): boolean => purpose === 'begin' || point !== this.#all.at(-1);
      const oldest = this.#all.find((point) => point.state === 'kept' && isSpare(point));
      if (whenFull === 'drop-oldest' && oldest !== undefined) {
        world.log('warn', `the rescue journal is full: point ${oldest.id} is dropped`);
        return this.#setPoints(withoutPoint(this.#all, oldest.id), (error) =>
          error === undefined ? this.#append(records, purpose, done) : done(error),
        );
      }
      if (purpose === 'begin' || (whenFull === 'pause' && this.#isCopyUnderWay)) return done(fullError());
      this.#stopSaving('the rescue journal is full', done);
    };
    if (isTableFull) return full();
    log.append(records, (error) => (error === 'full' ? full() : done(error)));
  }

  /** Duty 2. */
  #stopSaving(reason: string, done: RescueDone): void {
    const { log, world } = this.#parts;
    world.log('warn', `${reason}: what is overwritten from now on is not kept`);
    this.#setPoints(endedPoints(log), done);
  }

  /** A copy whose point cannot be made. */
  #withoutPoint(error: EterneError, done: RescueDone): void {
    const { whenFull, world } = this.#parts;
    if (whenFull === 'pause') {
      this.#parts.pause(error);
      return done(error);
    }
    const message = `${error.message}: the copy begins without a way back`;
    if (error.code !== 'no-space') return this.#goOnUnsaved(message, done);
    world.log('warn', message);
    done(undefined);
  }
}

function isLive({ end }: PointEntry): boolean {
  return end === undefined;
}

function withoutPoint(points: readonly PointEntry[], id: number): readonly PointEntry[] {
  return points.filter((point) => point.id !== id);
}

function withPoint(points: readonly PointEntry[], changed: PointEntry): readonly PointEntry[] {
  return points.map((point) => (point.id === changed.id ? changed : point));
}

function fullError(): EterneError {
  return new EterneError('no-space', 'the rescue journal is full', {
    hint: 'drop a point (`eterne disk rescue drop`), and the copy goes on by itself; or give it more room, then `eterne disk connect`',
  });
}
