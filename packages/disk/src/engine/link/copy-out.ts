/**
 * The source's side of a copy, step by step as `metadata/generations.ts` orders them:
 *
 * ```
 * await bitmap ──BITMAP(last)──▶ opening ──durable──▶ await ready ──RESYNC_READY──▶ confirming ──durable──▶ copying
 *     ──RESYNC_DONE──▶ naming ──bits durable──▶ await covered ──COVERED──▶ await finished ──RESYNC_FINISHED──▶ finishing ──durable──▶ done
 * ```
 *
 * SERVE_ASK, while copying, leads to naming at once: the target serves, and asks for the rest as a primary.
 *
 * Writes flow from the moment BITMAP and RESYNC_BEGIN are in the stream: what was written before is among the bits, what comes later
 * follows them.
 */
import { EterneError, formatSize } from '@eterne/base';
import {
  bitmapFor,
  syncConfirmed,
  madeWhole,
  syncFinished,
  syncGeneration,
  syncOpened,
  type MetadataDone,
  type MetadataState,
  type Uuid,
} from '../../metadata/index.ts';
import { decodeBitmap, sendBitmap, sendThirdBitmap, sendUnsettled } from '../../protocol/messages/bitmap.ts';
import { decodeResyncClear, decodeResyncRequest } from '../../protocol/messages/resync.ts';
import { encodeResyncBegin, encodeResyncNames } from '../../protocol/messages/resync-names.ts';
import { FrameType, HEADER_BYTES } from '../../protocol/wire.ts';
import { witnessing } from './after-handshake.ts';
import { copyPlan, type CopyPlan } from './copy-plan.ts';
import { UnusedBlocks } from '../usage/unused-blocks.ts';
import type { CopyLink } from './copy-link.ts';
import { SyncSource } from './sync-source.ts';

type Step =
  | 'awaitBitmap'
  | 'opening'
  | 'awaitReady'
  | 'confirming'
  | 'copying'
  | 'naming'
  | 'awaitCovered'
  | 'awaitFinished'
  | 'finishing';

export class CopyOut {
  readonly #link: CopyLink;
  readonly #extent: 'bitmap' | 'full';
  readonly #plan: CopyPlan;
  readonly #blocks: SyncSource;
  #unused: UnusedBlocks | undefined;
  #step: Step = 'awaitBitmap';
  #name: Uuid = '';
  /** The generation that RESYNC_NAMES gave the target. */
  #given: Uuid = '';
  #isClosed = false;

  constructor(link: CopyLink, extent: 'bitmap' | 'full') {
    this.#link = link;
    this.#extent = extent;
    this.#plan = copyPlan(extent, link.replica, link.theirs);
    const { replica, figures } = link;
    this.#blocks = new SyncSource({
      disk: replica.disk,
      locks: replica.locks,
      bitmap: link.bitmap,
      sender: link.sender,
      pacer: link.pacer(),
      unusedBytes: (offset) => this.#unused?.unusedBytes(offset) ?? 0,
      sent: (bytes) => figures.moved(bytes),
      failed: (error) => link.close(`reading blocks to copy: ${error.message}`),
    });
  }

  /** Do the primary's writes go to this target already? */
  get replicates(): boolean {
    return this.#step !== 'awaitBitmap' && this.#step !== 'opening';
  }

  /** The target is half overwritten, durably, and lacks something yet. */
  get isCopying(): boolean {
    return this.#step === 'copying';
  }

  willCopy(offset: number, lengthBytes: number): boolean {
    return this.#blocks.willCopy(offset, lengthBytes);
  }

  bitmap(body: Buffer): void {
    this.#expect('awaitBitmap');
    const { bitmap } = this.#link;
    this.#link.figures.moved(HEADER_BYTES + body.length);
    const { last, all } = decodeBitmap(body, bitmap.blockCount, (first, count) =>
      this.#link.markBlocks(first, count),
    );
    if (all) bitmap.markAll();
    if (last) this.#open();
  }

  /**
   * Step 1: the union of both sides' bits, then what they are counted from. The flush comes first: bits will be cleared for blocks
   * whose content here may date from a time as secondary, still in a volatile cache, with nothing else to cover its loss.
   */
  #open(): void {
    const { bitmap, replica, peerNode, theirs } = this.#link;
    if (this.#extent === 'full') bitmap.markAll();
    this.#step = 'opening';
    const fresh = replica.world.random.uuid();
    const open = (state: MetadataState): MetadataState => ({
      ...state,
      ...witnessing(state, theirs),
      generations: syncOpened(state.generations, peerNode, this.#extent, fresh, replica.metadata.peers),
    });
    this.#link.duty(
      (done) => this.#flushThenUpdate(open, done),
      () => this.#opened(),
    );
  }

  #opened(): void {
    const { bitmap, replica, peerNode, sender, figures } = this.#link;
    const { metadata } = replica;
    const base = bitmapFor(metadata.state.generations, peerNode);
    this.#name = syncGeneration(base, metadata.replicaUuid, peerNode);
    figures.begin(this.#plan.kind, bitmap.dirtyBytes);
    figures.moved(sendBitmap(sender, bitmap));
    sender.send(FrameType.resyncBegin, encodeResyncBegin({ ...this.#plan, name: this.#name }));
    this.#step = 'awaitReady';
    this.#link.replicating();
    if (this.#plan.kind === 'smart') this.#findUnused();
    else this.#blocks.begin();
  }

  #findUnused(): void {
    const { figures, replica } = this.#link;
    const unused = new UnusedBlocks(replica);
    this.#unused = unused;
    unused.find((result) => {
      const reason =
        result instanceof EterneError
          ? `everything but holes is copied: ${result.message}`
          : `${result.name}: ${formatSize(result.unusedBytes)} are not in use`;
      figures.explain(reason);
      this.#blocks.begin();
    });
  }

  /** Step 3. */
  ready(): void {
    this.#expect('awaitReady');
    this.#step = 'confirming';
    const { peerNode } = this.#link;
    this.#link.updateDuty(
      (state) => ({ ...state, generations: syncConfirmed(state.generations, peerNode, this.#name) }),
      () => (this.#step = 'copying'),
    );
  }

  request(body: Buffer): void {
    this.#expect('copying');
    this.#link.figures.moved(HEADER_BYTES + body.length);
    this.#blocks.request(decodeResyncRequest(body, this.#link.replica.sizeBytes));
  }

  clear(body: Buffer): void {
    this.#expect('copying');
    for (const range of decodeResyncClear(body, this.#link.replica.sizeBytes)) this.#blocks.clear(range);
    this.#link.figures.remaining(this.#link.bitmap.dirtyBytes);
  }

  /** The target has everything. Step 5 begins: the cleared bits become durable. */
  targetDone(): void {
    this.#expect('copying');
    const { bitmap, replica } = this.#link;
    if (bitmap.dirtyBlocks > 0)
      throw new EterneError('protocol', 'the target is done while blocks are dirty');
    this.#step = 'naming';
    this.#link.duty(
      (done) => bitmap.persist(done),
      () => {
        if (!replica.hasThirdParties) return this.#sendNames();
        if (replica.primary === undefined) return this.#tellUnsettled();
        replica.primary.betweenRounds(() => this.#tellUnsettled());
      },
    );
  }

  /**
   * On a primary between two rounds. The blocks of a round under way would join the target's next set, with writes whose extents are hot here only after that
   * round has ended: together they may be more than its activity log can hold, and none of them is settled before all are written.
   */
  #tellUnsettled(): void {
    if (this.#isClosed) return;
    const { replica, sender } = this.#link;
    sendUnsettled(sender, (each) => replica.forEachUnsettled(each));
    this.#step = 'awaitCovered';
  }

  /** SERVE_ASK: the target is to serve before it has everything. What it lacks stays marked here, durably, and it has our names. */
  serveAsked(): void {
    this.#expect('copying');
    const { bitmap, replica } = this.#link;
    // One that is being promoted here would take the target for an equal.
    if (replica.hasThirdParties || replica.primary !== undefined || replica.changingRole)
      throw new EterneError('protocol', 'a target of this copy cannot serve before its end');
    this.#step = 'naming';
    this.#blocks.close();
    const name = (): void =>
      this.#link.duty(
        (done) => bitmap.persist(done),
        () => this.#sendNames(),
      );
    const unused = this.#unused;
    this.#unused = undefined;
    this.#link.lend(unused);
    // A block that is fetched is locked: nobody is to wait for the map then.
    if (unused === undefined) name();
    else unused.whenKnown(name);
  }

  covered(): void {
    this.#expect('awaitCovered');
    this.#sendNames();
  }

  /** With the names go the bits for third replicas: the target counts on from there. */
  #sendNames(): void {
    const { peerNode, replica, sender } = this.#link;
    const { metadata } = replica;
    for (const peer of metadata.peers)
      if (peer !== peerNode) sendThirdBitmap(sender, peer, metadata.bitmap(peer));
    const { generations, volumeUuid } = metadata.state;
    this.#given = generations.current;
    this.#link.naming();
    sender.send(FrameType.resyncNames, encodeResyncNames({ volumeUuid, generations }));
    this.#step = 'awaitFinished';
  }

  /** A generation that was minted meanwhile is announced to the target as to any other; until then its bits are counted from the given one. */
  finished(): void {
    this.#expect('awaitFinished');
    this.#step = 'finishing';
    const { peerNode } = this.#link;
    this.#link.updateDuty(
      (state) => ({
        ...state,
        crashedPrimary: false,
        // Else we would know less of it than a third replica that meets it now, and could not make it whole in that one's eyes the next time.
        peerIncarnations: { ...state.peerIncarnations, [peerNode]: this.#incarnationNow(state) },
        generations:
          state.generations.current === this.#given
            ? syncFinished(state.generations, peerNode)
            : syncConfirmed(state.generations, peerNode, this.#given),
      }),
      () => this.#link.copied(),
    );
  }

  #incarnationNow({ peerIncarnations }: MetadataState): number {
    const { peerNode, theirs } = this.#link;
    return madeWhole(theirs, peerIncarnations[peerNode] ?? 0).incarnation;
  }

  close(): void {
    this.#isClosed = true;
    this.#unused?.close();
    this.#blocks.close();
  }

  #flushThenUpdate(change: (state: MetadataState) => MetadataState, done: MetadataDone): void {
    this.#link.replica.disk.flush((flushError) => {
      if (flushError !== undefined) return done(new EterneError('io', flushError.message));
      this.#link.bitmap.persist((error) => {
        if (error !== undefined) done(error);
        else this.#link.updateIfOpen(change, done);
      });
    });
  }

  #expect(step: Step): void {
    if (this.#step !== step) throw new EterneError('protocol', `a copy frame out of turn (${this.#step})`);
  }
}
