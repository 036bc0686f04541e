/**
 * The rescue journal in the life of a volume: a point before every copy into this replica, and the way back when the source of a copy
 * does not return.
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
import type { Peer } from './link/peer.ts';
import type { Replica } from './replica.ts';
import { windowOf } from './set/members.ts';

/** A source that is away for so long has died; until then the copy had better go on than begin anew. */
const ROLL_BACK_AFTER_MS = 10_000;

type Done = (error: EterneError | undefined) => void;

export class RescueKeeper implements RescueControl {
  readonly #replica: Replica;
  readonly #peers: readonly Peer[];
  readonly #rescue: RescuePoints;
  readonly #roleSettled: () => void;
  #timer: Timer | undefined;

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
  }

  #open(opened: OpenedRescue | EterneError): RescuePoints {
    const replica = this.#replica;
    const parts = {
      world: replica.world,
      whenFull: replica.config.rescueJournal?.whenFull ?? 'pause',
      pause: (reason: string) => this.#targets().forEach((peer) => peer.pause(reason)),
    };
    if (opened instanceof EterneError) return new LostRescue(opened, parts);
    return new Rescue({
      ...parts,
      disk: replica.disk,
      volume: replica.metadata,
      isHalfCopied: () => replica.metadata.state.diskState === 'Inconsistent',
      disown: (done) => disown(replica.metadata, done),
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
    const replica = this.#replica;
    this.#rescue.reconcile(replica.metadata.state, (error) => {
      if (error !== undefined) replica.world.log('error', error.message);
      this.moved();
      then();
    });
  }

  /** Some session came, went or moved on. */
  moved(): void {
    const { primary, world } = this.#replica;
    const isLeft = this.canRollBack && this.#targets().length === 0 && primary === undefined;
    if (isLeft && this.#timer === undefined)
      this.#timer = world.timers.after(ROLL_BACK_AFTER_MS, () => {
        this.#timer = undefined;
        if (!this.#replica.changingRole) this.rollBack(() => {});
      });
    if (isLeft) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /**
   * A copy from `peer` is about to overwrite blocks. `surplus`: also such that only this side has. A replica that holds nothing, or is
   * half-copied without a way back, has nothing to keep.
   */
  beginCopy(peer: string, reason: string, surplus: boolean, done: Done): void {
    const { metadata, world } = this.#replica;
    const { diskState, justCreated, crashedPrimary, generations } = metadata.state;
    if (justCreated) return this.#rescue.undone(done);
    if (diskState === 'Inconsistent' && this.#rescue.copying === undefined) return done(undefined);
    const before = { crashedPrimary, generations };
    const begunAtWallMs = Math.max(0, Math.floor(world.clock.wallMs()));
    this.#rescue.begin({ peer, reason, begunAtWallMs, before }, surplus, done);
  }

  /** The copy is over, durably. */
  copied(): void {
    this.#rescue.copied((error) => {
      if (error !== undefined) this.#replica.world.log('error', error.message);
    });
  }

  /** Back to what this replica was before the copy that was cut short. */
  rollBack(done: Done): void {
    const replica = this.#replica;
    const { config, disk, metadata, world } = replica;
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
    const chosen = id ?? this.points.findLast(({ state }) => state === 'kept')?.id;
    if (chosen === undefined) return done(new EterneError('not-found', 'the rescue journal keeps nothing'));
    exportImage({ world, rescue: this.#rescue, disk, ...window }, chosen, path, done);
  }

  drop(id: number, done: Done): void {
    this.#rescue.drop(id, done);
  }

  close(done: () => void): void {
    this.#timer?.cancel();
    this.#rescue.close(done);
  }

  /** Peers that are copying into this replica, or about to. */
  #targets(): Peer[] {
    return this.#peers.filter(({ session }) => session?.phase === 'target');
  }
}
