/**
 * Flushes of all replicas, one round at a time; requests that come during a round share the next one.
 *
 * 1. A round covers every write that was finished when it began: it closes the *epoch* those writes joined, and starts another.
 * 2. It is confirmed by the local disk and by every peer that is replicating or needed. Peers get FLUSH behind their writes.
 * 3. Secondaries hear which rounds' writes are settled on every replica: those of a round with unfinished writes are not. One may count for a third
 *    replica that this node is not configured with any more (its metadata knows of it), or never was (the secondary's log is full then, and it asks).
 * 4. Then the requests are answered and the activity log may let go of the closed epoch, once the dirty bits of absent
 *    peers are durable.
 *
 * What a peer got after its last confirmed round is in the epochs here and among the writes in flight: all of it becomes dirty when
 * the peer is lost.
 */
import type { VolumeMetadata } from '../../metadata/api.ts';
import { BlockSet } from '../block-set.ts';
import type { LocalDisk } from '../local-disk.ts';
import type { Mirror } from './mirror.ts';
import { LOCAL_BIT } from './write-op.ts';

export interface FlushRoundsOwner {
  /** The volume's flush epochs go on rising from one term to the next, as the activity log wants. */
  readonly firstEpoch: number;
  readonly ended: boolean;
  readonly needed: number;
  readonly mirrors: readonly Mirror[];
  /** The epoch of the oldest write that is not finished; infinite when all are. */
  readonly oldestEpoch: number;
  metadataFailed(): void;
}

interface Round {
  readonly number: number;
  /** The closed epoch. */
  readonly blocks: BlockSet;
  readonly requests: readonly (() => void)[];
  /** When the round is through, whatever was issued up to this round is durable everywhere. */
  readonly settles: number;
  waiting: number;
}

export class FlushRounds {
  readonly #owner: FlushRoundsOwner;
  readonly #metadata: VolumeMetadata;
  readonly #disk: LocalDisk;
  #epoch: number;
  #blocks = new BlockSet();
  #round: Round | undefined;
  #hasCompleted = false;
  /** Some secondary counts for a third replica, of which this node may never have heard. */
  #peerStarved = false;
  #letGoUpTo = 0;
  #next: (() => void)[] = [];
  readonly #betweenRounds: (() => void)[] = [];

  constructor(owner: FlushRoundsOwner, metadata: VolumeMetadata, disk: LocalDisk) {
    this.#owner = owner;
    this.#metadata = metadata;
    this.#disk = disk;
    this.#epoch = owner.firstEpoch;
  }

  /** A round is under way: what is finished now waits for the next. */
  get isRunning(): boolean {
    return this.#round !== undefined;
  }

  /** The epoch that writes finished now belong to: the number of the round that will close it. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Nothing was written since the last complete round. Before the first nobody knows: earlier terms may have left much in caches. */
  get isClean(): boolean {
    return this.#hasCompleted && this.#round === undefined && this.#blocks.isEmpty;
  }

  /** A write is finished: it belongs to the open epoch. */
  wrote(offset: number, lengthBytes: number): void {
    this.#blocks.add(offset, lengthBytes);
  }

  /** `done` once everything finished before this call is on stable storage of every needed replica. Never called when the term ends first. */
  request(done: () => void): void {
    this.#next.push(done);
    this.#startRound();
  }

  /** A secondary's activity log is full of what is not settled yet. */
  peerStarved(): void {
    this.#peerStarved = true;
    this.request(() => {});
  }

  /** Calls `then` when no round is under way: what is not settled is then in the open epoch, or in flight. Never when the term ends first. */
  betweenRounds(then: () => void): void {
    if (this.#round === undefined) then();
    else this.#betweenRounds.push(then);
  }

  confirm(bit: number, round: number): void {
    if (this.#round === undefined || this.#round.number !== round) return;
    this.#round.waiting &= ~bit;
    if (this.#round.waiting === 0) this.#complete(this.#round);
  }

  /** This node's disk has failed: whatever it has not flushed is missing on it, so it differs from every peer. */
  localLost(): void {
    for (const { bitmap } of this.#owner.mirrors) {
      const mark = (offset: number, lengthBytes: number): unknown => bitmap.markDirty(offset, lengthBytes);
      this.#blocks.forEachRun(mark);
      this.#round?.blocks.forEachRun(mark);
    }
  }

  /** The peer's last confirmed round is all that is sure to be on its disk. */
  peerLost(mirror: Mirror): void {
    const { bit, bitmap } = mirror;
    const mark = (offset: number, lengthBytes: number): unknown => bitmap.markDirty(offset, lengthBytes);
    this.#blocks.forEachRun(mark);
    const round = this.#round;
    if (round === undefined || (round.waiting & bit) === 0) return;
    round.blocks.forEachRun(mark);
    if ((this.#owner.needed & bit) === 0) this.confirm(bit, round.number);
  }

  /** These replicas are needed no more, or have everything by another way: the present round does not wait for them. */
  forget(bits: number): void {
    if (this.#round !== undefined) this.confirm(bits, this.#round.number);
  }

  /** The peer has come back and holds everything that was finished: ask it for the round that began without it. */
  resend(mirror: Mirror): void {
    if (this.#round !== undefined && (this.#round.waiting & mirror.bit) !== 0)
      mirror.link?.sendFlushAgain(this.#round.number);
  }

  /** Finished, and not known to be durable everywhere. */
  forEachUnsettled(each: (offset: number, lengthBytes: number) => void): void {
    this.#round?.blocks.forEachRun(each);
    this.#blocks.forEachRun(each);
  }

  /** The term is over: nobody is answered any more; everything not confirmed becomes dirty for every peer. */
  end(): void {
    for (const mirror of this.#owner.mirrors) this.peerLost(mirror);
    this.#next = [];
    this.#betweenRounds.length = 0;
    this.#round = undefined;
  }

  #startRound(): void {
    if (this.#round !== undefined || this.#next.length === 0 || this.#owner.ended) return;
    const round: Round = {
      number: this.#epoch,
      blocks: this.#blocks,
      requests: this.#next,
      settles: Math.min(this.#epoch, this.#owner.oldestEpoch - 1),
      waiting: this.#owner.needed,
    };
    this.#epoch += 1;
    this.#blocks = new BlockSet();
    this.#next = [];
    this.#round = round;
    for (const { link, bit } of this.#owner.mirrors) {
      if (link === undefined) continue;
      round.waiting |= bit;
      link.sendFlush(round.number);
    }
    if (this.#disk.takesWrites) this.#flushLocally(round);
  }

  #flushLocally(round: Round): void {
    round.waiting |= LOCAL_BIT;
    this.#disk.flush((error) => {
      // A failed disk leaves its bit: the round goes on when this replica is out of the set.
      if (error === undefined) this.confirm(LOCAL_BIT, round.number);
    });
  }

  #complete(round: Round): void {
    this.#round = undefined;
    this.#hasCompleted = true;
    if (this.#peerStarved || this.#metadata.peers.length > 1)
      for (const { link } of this.#owner.mirrors) link?.sendSettled(round.settles);
    for (const then of this.#betweenRounds.splice(0)) then();
    this.#letGo(round.number);
    for (const done of round.requests) done();
    this.#startRound();
  }

  #letGo(round: number): void {
    const isBehind = this.#owner.mirrors.some(({ bitmap }) => bitmap.needsPersist);
    if (!isBehind) return this.#letGoNow(round);
    this.#metadata.persistBitmaps((error) => {
      if (error !== undefined) this.#owner.metadataFailed();
      else this.#letGoNow(round);
    });
  }

  /** A later round may have had nothing to wait for and be through already; a later term may have begun. */
  #letGoNow(round: number): void {
    if (this.#owner.ended || round <= this.#letGoUpTo) return;
    this.#letGoUpTo = round;
    this.#metadata.activityLog.flushedUpTo(round);
  }
}
