/**
 * The target's side of a copy (`copy-out.ts` has the source's):
 *
 * ```
 * await begin ──BITMAP…, RESYNC_BEGIN──▶ opening ──durable──▶ copying ──all flushed──▶ await names ──RESYNC_NAMES──▶
 *     naming ──durable──▶ done
 * ```
 *
 * `takeOver`, while copying: the source gives its names at once. What is still missing stays marked on both sides, and this side Inconsistent; as a primary it
 * asks for the rest (`primary/rebuild.ts`).
 *
 * Before the first foreign byte lands, the union of both sides' bits, the state Inconsistent and the name of the mixture are durable.
 */
import { EterneError, assert } from '@eterne/base';
import {
  BLOCK_BYTES,
  NIL_UUID,
  bitmapFor,
  madeWhole,
  syncTargetBegun,
  syncTargetFinished,
  type Generations,
  type MetadataDone,
  type MetadataState,
  type Uuid,
} from '../../metadata/index.ts';
import { decodeBitmap, sendBitmap, splitThirdBitmap } from '../../protocol/messages/bitmap.ts';
import { decodeResyncData } from '../../protocol/messages/resync.ts';
import {
  decodeResyncBegin,
  decodeResyncNames,
  type ResyncNames,
} from '../../protocol/messages/resync-names.ts';
import { FrameType, HEADER_BYTES } from '../../protocol/wire.ts';
import { wayBackKept } from '../borrowing.ts';
import type { CopyLink } from './copy-link.ts';
import { SyncTarget } from './sync-target.ts';

type Step = 'awaitBegin' | 'opening' | 'copying' | 'handing' | 'awaitNames' | 'naming';

const NOTHING = Buffer.alloc(0);

export class CopyIn {
  readonly #link: CopyLink;
  #blocks: SyncTarget | undefined;
  #step: Step = 'awaitBegin';
  readonly #reason: string;
  readonly #discards: boolean;
  #bitmapComplete = false;
  /** Frames of unsettled blocks that the activity log does not cover yet. */
  #uncovered = 0;
  #unsettledComplete = false;
  #closed = false;
  /** This side is to serve before the copy is over. */
  #takeOver: MetadataDone | undefined;
  /** Third replicas of which the source's bits have come. */
  readonly #thirds = new Set<string>();

  /** `discards`: changes that only this side has are overwritten. */
  constructor(link: CopyLink, reason: string, discards: boolean) {
    this.#link = link;
    this.#reason = reason;
    this.#discards = discards;
  }

  start(): void {
    this.#link.figures.moved(sendBitmap(this.#link.sender, this.#link.bitmap));
  }

  bitmap(body: Buffer): void {
    this.#expect('awaitBegin');
    const { bitmap } = this.#link;
    this.#link.figures.moved(HEADER_BYTES + body.length);
    const { last, all } = decodeBitmap(body, bitmap.blockCount, (first, count) =>
      this.#link.markBlocks(first, count),
    );
    if (all) bitmap.markAll();
    this.#bitmapComplete ||= last;
  }

  begin(body: Buffer): void {
    this.#expect('awaitBegin');
    const { byDigest, kind, name } = decodeResyncBegin(body);
    if (!this.#bitmapComplete) throw new EterneError('protocol', 'a copy begins without its bitmap');
    const { bitmap, sender, figures } = this.#link;
    if (kind !== 'bitmap') bitmap.markAll();
    figures.begin(kind, bitmap.dirtyBytes);
    this.#step = 'opening';
    this.#countOverwritten();
    const begin = (state: MetadataState): MetadataState => ({
      ...state,
      diskState: 'Inconsistent',
      justCreated: false,
      generations: syncTargetBegun(state.generations, name),
    });
    this.#link.duty(
      (done) =>
        this.#persistBits((error) => {
          if (error !== undefined) return done(error);
          this.#keepRescuePoint((rescueError) => {
            if (rescueError !== undefined) done(rescueError);
            else this.#link.updateIfOpen(begin, done);
          });
        }),
      () => {
        sender.send(FrameType.resyncReady, NOTHING);
        this.#step = 'copying';
        this.#link.replicating();
        if (this.#mayHand()) this.#hand();
        else this.#copy(byDigest);
      },
    );
  }

  data(body: Buffer): void {
    // Asked for before.
    if (this.#step === 'handing') return;
    this.#expect('copying');
    this.#blocks?.data(decodeResyncData(body, this.#link.replica.sizeBytes));
  }

  /** What the source knows to be unsettled on third replicas is so here, too: this side has it by the copy. */
  unsettled(body: Buffer): void {
    this.#expect('awaitNames');
    const { bitmap, sender, thirds } = this.#link;
    const runs: { offset: number; lengthBytes: number }[] = [];
    const { last } = decodeBitmap(body, bitmap.blockCount, (first, count) =>
      runs.push({ offset: first * BLOCK_BYTES, lengthBytes: count * BLOCK_BYTES }),
    );
    this.#uncovered += 1;
    this.#unsettledComplete ||= last;
    thirds.adopt(runs, () => {
      this.#uncovered -= 1;
      if (!this.#closed && this.#uncovered === 0 && this.#unsettledComplete)
        sender.send(FrameType.covered, NOTHING);
    });
  }

  /** As equals both sides lack the same of a third replica: its bits here are replaced by the source's, but for what `#countOverwritten` has added. */
  thirdBitmap(body: Buffer): void {
    this.#expect('awaitNames');
    const { metadata, config } = this.#link.replica;
    const { node, set } = splitThirdBitmap(body);
    if (node === config.node || node === this.#link.peerNode)
      throw new EterneError('protocol', 'a THIRD_BITMAP about one of the two');
    if (metadata.peers.includes(node)) return this.#replaceBits(node, set);
    const kept = Buffer.from(set);
    this.#link.duty(
      (done) => metadata.addPeer(node, done),
      () => this.#replaceBits(node, kept),
    );
  }

  /**
   * `done` when both sides have one name, and know durably what is missing here: nothing, when the copy was about to end anyway. With an error when that
   * cannot be.
   */
  takeOver(done: MetadataDone): void {
    assert(this.#takeOver === undefined, 'one promotion at a time');
    this.#takeOver = done;
    if (this.#step === 'copying') this.#hand();
  }

  /** The point may have begun after the promotion was asked for. */
  #mayHand(): boolean {
    if (this.#takeOver === undefined) return false;
    const keepsWayBack = this.#link.replica.rescue?.isCopying === true;
    if (keepsWayBack) this.#tookOver(wayBackKept());
    return !keepsWayBack;
  }

  #hand(): void {
    this.#step = 'handing';
    this.#blocks?.close();
    this.#link.sender.send(FrameType.serveAsk, NOTHING);
  }

  names(body: Buffer): void {
    const isWhole = this.#step !== 'handing';
    if (isWhole) this.#expect('awaitNames');
    const names = decodeResyncNames(body);
    this.#step = 'naming';
    this.#countUnsettled(names.generations);
    const { replica, sender } = this.#link;
    this.#link.duty(
      (done) =>
        replica.metadata.persistBitmaps((error) => {
          if (error !== undefined) done(error);
          else this.#link.updateIfOpen((state) => this.#finished(state, names, isWhole), done);
        }),
      () => {
        if (isWhole) this.#link.replica.rescue?.copied();
        else this.#link.borrow();
        sender.send(FrameType.resyncFinished, NOTHING);
        this.#link.copied();
        this.#tookOver(undefined);
      },
    );
  }

  close(): void {
    this.#closed = true;
    this.#blocks?.close();
    this.#tookOver(new EterneError('unreachable', `${this.#link.peerNode} was lost`));
  }

  #tookOver(error: EterneError | undefined): void {
    const done = this.#takeOver;
    this.#takeOver = undefined;
    done?.(error);
  }

  #copy(byDigest: boolean): void {
    const { bitmap, figures, foreign, replica, sender } = this.#link;
    this.#blocks = new SyncTarget({
      disk: replica.disk,
      foreign,
      locks: replica.locks,
      bitmap,
      undefinedBlocks: replica.metadata.undefinedBlocks,
      slabs: replica.slabs,
      sender,
      sizeBytes: replica.sizeBytes,
      byDigest,
      moved: (bytes) => figures.moved(bytes),
      cleared: () => figures.remaining(bitmap.dirtyBytes),
      done: () => this.#copied(),
    });
    this.#blocks.start();
  }

  #replaceBits(node: string, set: Buffer): void {
    const { metadata, sizeBytes } = this.#link.replica;
    const bitmap = metadata.bitmap(node);
    if (!this.#thirds.has(node) && !this.#mayBeAlike(node)) bitmap.clear(0, sizeBytes);
    this.#thirds.add(node);
    const { all } = decodeBitmap(set, bitmap.blockCount, (first, count) => {
      const end = Math.min((first + count) * BLOCK_BYTES, sizeBytes);
      bitmap.markDirty(first * BLOCK_BYTES, end - first * BLOCK_BYTES);
    });
    if (all) bitmap.markAll();
  }

  /**
   * What is overwritten here differs from then on from a third replica with the content of this one. The source's bits for that do not say so where it counts them
   * from the same content, but knew another disk there: one that was replaced since, and copied to from here.
   */
  #countOverwritten(): void {
    const { bitmap, peerNode, replica } = this.#link;
    const { metadata } = replica;
    for (const third of metadata.peers)
      if (third !== peerNode && this.#mayBeAlike(third)) metadata.bitmap(third).union(bitmap);
  }

  #persistBits(done: MetadataDone): void {
    const { bitmap, replica } = this.#link;
    if (replica.hasThirdParties) replica.metadata.persistBitmaps(done);
    else bitmap.persist(done);
  }

  /** May a third replica have what this side had before the copy, but for the bits here, under a name from which the source counts bits for it, too? */
  #mayBeAlike(third: string): boolean {
    const { replica, theirs } = this.#link;
    const { diskState, generations } = replica.metadata.state;
    // What this side was called before a copy that was cut short is forgotten.
    if (diskState === 'Inconsistent' && bitmapFor(generations, third) === NIL_UUID)
      return generations.current !== NIL_UUID;
    return nameOf(third, generations) === nameOf(third, theirs.generations);
  }

  /**
   * The source's bits for a third replica that it copies to do not name what it has sent there and not heard of: it marks that when it loses that one, which nobody tells
   * this side, as bits are counted already. So what is unsettled joins the bits here.
   */
  #countUnsettled(generations: Generations): void {
    const { metadata, unsettled } = this.#link.replica;
    for (const third of this.#thirds) {
      if (bitmapFor(generations, third) === NIL_UUID) continue;
      const bitmap = metadata.bitmap(third);
      unsettled.forEachRun((offset, lengthBytes) => bitmap.markDirty(offset, lengthBytes));
    }
  }

  #keepRescuePoint(done: MetadataDone): void {
    const { peerNode, replica } = this.#link;
    if (replica.rescue === undefined) done(undefined);
    else replica.rescue.beginCopy(peerNode, this.#reason, this.#discards, done);
  }

  /**
   * Asynchronous: a block may have come with what was written to it after a flush. What that covered was sent besides, and may still be on its way to the
   * disk: the copy is no state that the primary's disk could have been left in before it is there.
   */
  #copied(): void {
    const { replica, sender } = this.#link;
    const done = (): void => {
      if (this.#closed) return;
      this.#step = 'awaitNames';
      sender.send(FrameType.resyncDone, NOTHING);
    };
    if (replica.config.mode === 'async') this.#link.whenApplied(done);
    else done();
  }

  #finished(state: MetadataState, { generations, volumeUuid }: ResyncNames, isWhole: boolean): MetadataState {
    const { peerNode, theirs } = this.#link;
    const { node } = this.#link.replica.config;
    const whole = state.set.members.includes(node) ? 'UpToDate' : 'Consistent';
    return {
      ...state,
      // A disk that was rolled back must not be taken for one at every meeting to come; nor its source, whose content is ours now.
      ...madeWhole(state, theirs.witnessedIncarnation),
      peerIncarnations: { ...state.peerIncarnations, [peerNode]: theirs.incarnation },
      volumeUuid,
      crashedPrimary: false,
      diskState: isWhole ? whole : 'Inconsistent',
      generations: syncTargetFinished(generations, this.#link.peerNode, node),
    };
  }

  #expect(step: Step): void {
    if (this.#step !== step) throw new EterneError('protocol', `a copy frame out of turn (${this.#step})`);
  }
}

/** Of what a replica has for all that `generations` tell, but for the bits kept for it. */
function nameOf(replica: string, generations: Generations): Uuid {
  const counted = bitmapFor(generations, replica);
  return counted === NIL_UUID ? generations.current : counted;
}
