/**
 * The rescue journal in the life of a volume: a point before every copy into this replica, and the way back when the source of a copy
 * does not return. A journal that has failed is taken up again when its device is back, and the copies that waited for it go on.
 */
import { EterneError } from '@eterne/base';
import type { Timer } from '@eterne/runtime';
import { disown } from '../rescue/adopt.ts';
import type { PointStatus, RescueControl } from '../rescue/api.ts';
import { exportImage } from '../rescue/export.ts';
import type { OpenedRescue } from '../rescue/open-rescue.ts';
import { LostRescue } from '../rescue/lost-rescue.ts';
import { Rescue, type RescuePoints } from '../rescue/rescue.ts';
import { rollBack } from '../rescue/roll-back.ts';
import { JournalReturn } from './journal-return.ts';
import type { Peer } from './link/peer.ts';
import type { Replica } from './replica.ts';
import { windowOf } from './set/members.ts';

/** A source that is away for so long has died; until then the copy had better go on than begin anew. */
const ROLL_BACK_AFTER_MS = 10_000;

type Done = (error: EterneError | undefined) => void;

export class RescueKeeper implements RescueControl {
  readonly #replica: Replica;
  readonly #peers: readonly Peer[];
  readonly #roleSettled: () => void;
  readonly #return: JournalReturn;
  #rescue: RescuePoints;
  #timer: Timer | undefined;
  /** Images that are being written. */
  #exports = 0;
  /** What is known of a copy that is over is being put down in a journal that is back. */
  #isSettling = false;
  /** Copies that wait for that: of each peer one. */
  readonly #onSettled: (() => void)[] = [];

  /** `roleSettled`: a roll-back is over, which nothing else may happen beside. */
  constructor(
    replica: Replica,
    peers: readonly Peer[],
    opened: OpenedRescue | EterneError,
    roleSettled: () => void,
  ) {
    this.#replica = replica;
    this.#peers = peers;
    this.#roleSettled = roleSettled;
    this.#rescue = this.#open(opened);
    this.#return = new JournalReturn({
      replica,
      current: () => this.#rescue,
      mayChange: () =>
        this.#rescue.isIdle &&
        this.#exports === 0 &&
        !replica.changingRole &&
        !this.#isSettling &&
        this.#targets().length === 0,
      opened: (journal) => this.#isBack(journal),
      tried: () => replica.changed(),
    });
  }

  #isBack(journal: OpenedRescue): void {
    this.#rescue = this.#open(journal);
    this.#settle(() => {
      for (const begin of this.#onSettled.splice(0)) begin();
      this.#goOn();
    });
  }

  /** Copies that waited for the journal, or for room in it. */
  #goOn(): void {
    for (const peer of this.#peers) if (peer.isPaused) peer.connect();
    this.#replica.changed();
  }

  #settle(then: () => void): void {
    const replica = this.#replica;
    this.#isSettling = true;
    this.#rescue.reconcile(replica.metadata.state, (error) => {
      this.#isSettling = false;
      if (error !== undefined) replica.world.log('error', error.message);
      this.moved();
      then();
    });
  }

  #open(opened: OpenedRescue | EterneError): RescuePoints {
    const replica = this.#replica;
    const parts = {
      world: replica.world,
      whenFull: replica.config.rescueJournal?.whenFull ?? 'pause',
      pause: (why: EterneError) => this.#targets().forEach((peer) => peer.pause(why)),
    };
    if (opened instanceof EterneError) return new LostRescue(opened, parts);
    return new Rescue({
      ...parts,
      disk: replica.disk,
      volume: replica.metadata,
      isHalfCopied: () => replica.metadata.state.diskState === 'Inconsistent',
      disown: (done) =>
        disown(replica.metadata, (error) => {
          done(error);
          replica.changed();
        }),
      ...opened,
    });
  }

  get points(): readonly PointStatus[] {
    return this.#rescue.points;
  }

  get problem(): string | undefined {
    return this.#rescue.problem;
  }

  get unreadable(): EterneError | undefined {
    return this.#rescue.unreadable;
  }

  /** Half-copied, and the way back is whole. */
  get canRollBack(): boolean {
    const isHalf = this.#replica.metadata.state.diskState === 'Inconsistent';
    return isHalf && this.#rescue.before !== undefined;
  }

  /** What a copy overwrites is being kept. */
  get isCopying(): boolean {
    return this.#rescue.copying !== undefined;
  }

  /** Before the first session. */
  start(then: () => void): void {
    this.#settle(then);
  }

  /** Some session came, went or moved on, or the journal has failed. */
  moved(): void {
    const { primary, world } = this.#replica;
    this.#return.watch();
    const canRollBack = this.canRollBack && this.unreadable === undefined;
    const isLeft = canRollBack && this.#targets().length === 0 && primary === undefined;
    if (isLeft && this.#timer === undefined)
      this.#timer = world.timers.after(ROLL_BACK_AFTER_MS, () => {
        this.#timer = undefined;
        if (!this.#replica.changingRole && !this.#return.isTrying) this.rollBack(() => {});
      });
    if (isLeft) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /**
   * A copy from `peer` is about to overwrite blocks. `surplus`: also such that only this side has. A replica that holds nothing, was given up, or is
   * half-copied without a way back, has nothing to keep but what a copy before has begun to save.
   */
  beginCopy(peer: string, reason: string, surplus: boolean, done: Done): void {
    if (this.#isSettling) return void this.#onSettled.push(() => this.beginCopy(peer, reason, surplus, done));
    const { metadata, world } = this.#replica;
    const { diskState, justCreated, crashedPrimary, generations } = metadata.state;
    if (justCreated) return this.#rescue.copied(done);
    if (diskState === 'Inconsistent' && this.#rescue.copying === undefined) return done(undefined);
    const before = { crashedPrimary, generations };
    const begunAtWallMs = Math.max(0, Math.floor(world.clock.wallMs()));
    this.#rescue.begin({ peer, reason, begunAtWallMs, before }, surplus, done);
  }

  /** The copy is over, durably. */
  copied(): void {
    this.#rescue.copied((error) => this.#told(error));
  }

  /** Nothing is copied any more, as this replica is being promoted: a point whose copy did not begin would keep what it writes itself from being kept later. */
  promoted(): void {
    this.#rescue.reconcile(this.#replica.metadata.state, (error) => this.#told(error));
  }

  #told(error: EterneError | undefined): void {
    if (error !== undefined) this.#replica.world.log('error', error.message);
    this.#replica.changed();
  }

  /** Back to what this replica was before the copy that was cut short. A journal that cannot be read is tried first: its device may be back. */
  rollBack(done: Done): void {
    if (!this.#return.isTrying && this.unreadable === undefined) return this.#rollBackNow(done);
    this.#return.hurry(() => {
      if (this.#isSettling) this.#onSettled.push(() => this.#rollBackNow(done));
      else this.#rollBackNow(done);
    });
  }

  #rollBackNow(done: Done): void {
    const replica = this.#replica;
    const { config, disk, metadata, world } = replica;
    // Somebody else may have been quicker while the journal was opened.
    if (replica.changingRole) return done(new EterneError('busy', 'the volume is changing its role'));
    if (metadata.state.diskState !== 'Inconsistent') return done(undefined);
    if (this.#rescue.before === undefined) return done(noWayBack());
    replica.changingRole = true;
    for (const peer of this.#peers) peer.reset('this replica goes back to its last consistent state');
    replica.whenQuiet(() =>
      rollBack({ rescue: this.#rescue, metadata, disk }, (error) => {
        const outcome = error?.message ?? 'it is as before the copy that was cut short';
        world.log(error === undefined ? 'info' : 'error', `volume ${config.name}: roll-back: ${outcome}`);
        replica.changingRole = false;
        replica.changed();
        done(error);
        this.#roleSettled();
      }),
    );
  }

  /** `id` undefined: the newest that is kept. */
  export(id: number | undefined, path: string, done: Done, name?: string): void {
    const { config, disk, sizeBytes, world } = this.#replica;
    const members = config.members ?? [];
    const index = members.findIndex((member) => member.name === name);
    const window = index < 0 ? { start: 0, sizeBytes } : windowOf(members, index, sizeBytes);
    if (this.unreadable !== undefined) return done(this.unreadable);
    if (this.#return.isTrying) return done(beingOpened());
    const chosen = id ?? this.points.findLast(({ state }) => state === 'kept')?.id;
    if (chosen === undefined) return done(new EterneError('not-found', 'the rescue journal keeps nothing'));
    this.#exports += 1;
    exportImage({ world, rescue: this.#rescue, disk, ...window }, chosen, path, (error) => {
      this.#exports -= 1;
      done(error);
    });
  }

  drop(id: number, done: Done): void {
    this.#rescue.drop(id, (error) => {
      done(error);
      if (error === undefined) this.#goOn();
      else this.#replica.changed();
    });
  }

  close(done: () => void): void {
    this.#timer?.cancel();
    this.#return.close(() => this.#rescue.close(done));
  }

  /** Peers that are copying into this replica, or about to. */
  #targets(): Peer[] {
    return this.#peers.filter(({ session }) => session?.phase === 'target');
  }
}

function noWayBack(): EterneError {
  return new EterneError('refused', 'the rescue journal has not kept everything that the copy overwrote', {
    hint: 'promote --force once more to go on with the half-copied replica',
  });
}

function beingOpened(): EterneError {
  return new EterneError('busy', 'the rescue journal is being opened anew', {
    hint: 'try again in a moment',
  });
}
