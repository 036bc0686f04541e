/**
 * Comparing and repairing within one established session:
 *
 * ```
 *          ┌─ this side is no source: VERIFY_ASK ─▶ asked ─── VERIFY_BEGIN comes ──▶ target ─┐
 *   idle ──┤                                                                                 ├─▶ idle
 *          └─ start ─▶ source ──differences, repair──▶ repairing ────────────────────────────┘
 *                         └──────── cut short ────────────┴─▶ stopping ── the target's VERIFY_END ─▶ idle
 * ```
 *
 * The source is the primary, for it must lock ranges against the application's writes; without a primary, the lower node name. When
 * another node becomes primary, the job is cut short. A source that cut its job short waits until the target has heard of it: answers
 * of the old job never meet a new one.
 */
import { EterneError, unreachable } from '@eterne/base';
import type { DirtyBitmap } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import {
  decodeResyncClear,
  decodeResyncData,
  sendResyncClear,
  type ResyncData,
} from '../../protocol/messages/resync.ts';
import {
  decodeVerifyData,
  decodeVerifyEnd,
  decodeVerifyRequest,
  decodeVerifyResult,
  encodeVerifyEnd,
  encodeVerifyRequest,
  type VerifyEnd,
  type VerifyJob,
  type VerifyRequest,
} from '../../protocol/messages/verify.ts';
import { FrameType, HEADER_BYTES } from '../../protocol/wire.ts';
import type { ReplicationState, Role } from '../api.ts';
import type { ResyncFigures } from '../link/resync-figures.ts';
import type { ResyncPacer } from '../link/resync-pacer.ts';
import { SyncReceiver } from '../link/sync-receiver.ts';
import type { Gauge } from '../gauge.ts';
import type { Replica } from '../replica.ts';
import { RepairSource } from './repair-source.ts';
import type { VerifyFigures } from './verify-figures.ts';
import { VerifySource } from './verify-source.ts';
import { VerifyTarget } from './verify-target.ts';

/** What a verification needs of its session. */
export interface VerifyLink {
  readonly replica: Replica;
  readonly peerNode: string;
  readonly peerRole: Role;
  readonly bitmap: DirtyBitmap;
  readonly sender: FrameSender;
  readonly foreign: Gauge;
  readonly figures: ResyncFigures;
  readonly verifyFigures: VerifyFigures;
  /** Both copies are equal but for marked blocks. */
  readonly isEqual: boolean;
  /** The peer serves, although it lacks blocks. */
  readonly isLender: boolean;
  pacer(): ResyncPacer;
  close(reason: string): void;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'asked'; readonly job: VerifyJob }
  | { readonly kind: 'source'; readonly job: VerifyJob; readonly blocks: VerifySource }
  | { readonly kind: 'repairing'; readonly job: 'repair'; readonly blocks: RepairSource }
  | { readonly kind: 'target'; readonly job: VerifyJob; readonly blocks: VerifyTarget }
  | { readonly kind: 'receiving'; readonly job: 'repair'; readonly blocks: SyncReceiver }
  | { readonly kind: 'stopping' };

const IDLE: State = { kind: 'idle' };
const OTHER_PRIMARY = 'another node is primary';
const LEVELLING = 'blocks that a full disk has refused are about to be copied';

interface End {
  readonly isDone: boolean;
  readonly reason: string;
}

interface Figures {
  readonly checkedBytes: number;
  readonly differingBytes: number;
  readonly wireBytes: number;
}

/** Question and answer of a `fast` job, about. */
const FAST_BYTES = 2 * HEADER_BYTES + 64;

export type VerifyFrame =
  | typeof FrameType.verifyAsk
  | typeof FrameType.verifyBegin
  | typeof FrameType.verifyData
  | typeof FrameType.verifyResult
  | typeof FrameType.verifyEnd
  | typeof FrameType.repairData
  | typeof FrameType.repaired;

export class Verification {
  readonly #link: VerifyLink;
  #state: State = IDLE;

  constructor(link: VerifyLink) {
    this.#link = link;
  }

  /** What status shows instead of `Established`. */
  get replication(): ReplicationState | undefined {
    switch (this.#state.kind) {
      case 'source':
        return 'VerifySource';
      case 'target':
        return 'VerifyTarget';
      case 'repairing':
        return 'SyncSource';
      case 'receiving':
        return 'SyncTarget';
      case 'idle':
      case 'asked':
      case 'stopping':
        return undefined;
      default:
        return unreachable(this.#state);
    }
  }

  /** Blocks come from the other side, and are put over what is here. */
  get isReceiving(): boolean {
    return this.#state.kind === 'receiving';
  }

  /** Begins, or has the other side begin. */
  start(request: VerifyRequest): EterneError | undefined {
    const problem = this.#problem();
    if (problem !== undefined) return problem;
    if (request.job === 'repair' && this.#isLevelling) return new EterneError('busy', LEVELLING);
    if (this.#isSource || request.job === 'fast') this.#begin(request);
    else this.#ask(FrameType.verifyAsk, request);
    return undefined;
  }

  frame(type: VerifyFrame, body: Buffer): void {
    const { sizeBytes } = this.#link.replica;
    const state = this.#state;
    switch (type) {
      case FrameType.verifyAsk:
        return this.#asked(decodeVerifyRequest(body));
      case FrameType.verifyBegin:
        return this.#begun(decodeVerifyRequest(body));
      case FrameType.verifyData: {
        const data = decodeVerifyData(body, sizeBytes);
        // Otherwise this side has ended the job, and the source has not heard of it yet.
        return state.kind === 'target' ? state.blocks.compare(data) : undefined;
      }
      case FrameType.verifyResult: {
        const result = decodeVerifyResult(body, sizeBytes);
        return state.kind === 'source' ? state.blocks.result(result) : undefined;
      }
      case FrameType.repairData:
        return this.#received(decodeResyncData(body, sizeBytes), body.length);
      case FrameType.repaired: {
        const ranges = decodeResyncClear(body, sizeBytes);
        return state.kind === 'repairing' ? state.blocks.repaired(ranges) : undefined;
      }
      case FrameType.verifyEnd:
        return this.#peerEnded(decodeVerifyEnd(body));
      default:
        return unreachable(type);
    }
  }

  /** One side gets writes that the other lacks, from now on: nothing is compared, and no bit goes for what was sent. */
  cutShort(reason: string): void {
    this.#stop(reason);
  }

  /** As above, of blocks that are marked: what is compared meanwhile is marked, or was. */
  cutRepairShort(reason: string): void {
    if (this.#state.kind === 'repairing') this.#stop(reason);
  }

  /** The session is over. */
  close(): void {
    this.#ended({ isDone: false, reason: 'the connection was lost' });
  }

  get #isSource(): boolean {
    const { peerNode, peerRole, replica } = this.#link;
    if (replica.primary !== undefined) return true;
    return peerRole === 'secondary' && replica.config.node < peerNode;
  }

  /** Repaired alone, the peer would differ from a third replica that has what was refused here, and neither of them would count for the other. */
  get #isLevelling(): boolean {
    return this.#link.replica.isLevelling;
  }

  /** Neither side is still to be copied to. */
  get #isWhole(): boolean {
    const { isEqual, isLender, replica } = this.#link;
    return isEqual && !isLender && replica.disk.failure === undefined;
  }

  /** Is nobody writing whom this side cannot hold back? */
  #mayLock(): boolean {
    const { peerNode, replica } = this.#link;
    return this.#isSource && (replica.primary !== undefined || !replica.isServedBeside(peerNode));
  }

  #problem(): EterneError | undefined {
    const { peerNode, replica } = this.#link;
    if (!replica.disk.takesWrites)
      return new EterneError('refused', 'the disk of this node is not there, or has failed', {
        hint: 'attach it first',
      });
    if (!this.#isWhole)
      return new EterneError(
        'refused',
        `${peerNode} and this node are not in step: blocks are still to be copied`,
      );
    if (this.#state.kind !== 'idle')
      return new EterneError('busy', `a verify or a repair with ${peerNode} is under way`);
    if (replica.primary === undefined && replica.isServedBeside(peerNode))
      return new EterneError('refused', `neither this node nor ${peerNode} is primary`, {
        hint: 'verify on the primary',
      });
    return undefined;
  }

  /** Has the other side begin, or answer. */
  #ask(type: VerifyFrame, request: VerifyRequest): void {
    const { sender, verifyFigures } = this.#link;
    if (request.job !== 'repair') verifyFigures.begun(request.job);
    sender.send(type, encodeVerifyRequest(request));
    this.#become({ kind: 'asked', job: request.job });
  }

  /** VERIFY_ASK. What is under way already serves whoever asks. */
  #asked(request: VerifyRequest): void {
    const { kind } = this.#state;
    if (kind === 'source' || kind === 'repairing' || kind === 'stopping') return;
    if (request.job === 'repair' && this.#isLevelling)
      return this.#sendEnd(request.job, { isDone: false, reason: LEVELLING });
    if (this.#isSource && this.#isWhole && this.#mayLock()) return this.#begin(request);
    this.#sendEnd(request.job, { isDone: false, reason: 'this node cannot lock the volume now' });
  }

  #begin(request: VerifyRequest): void {
    const { sender, verifyFigures } = this.#link;
    if (request.job === 'fast') return this.#ask(FrameType.verifyBegin, request);
    if (request.job !== 'repair') verifyFigures.begun(request.job);
    sender.send(FrameType.verifyBegin, encodeVerifyRequest(request));
    if (request.job === 'repair') this.#repair('marked blocks are copied again');
    else this.#compare(request.job, request.repair);
  }

  #compare(method: 'direct' | 'digest', repair: boolean): void {
    const { bitmap, replica, sender, verifyFigures } = this.#link;
    const blocks = new VerifySource({
      disk: replica.disk,
      locks: replica.locks,
      bitmap,
      undefinedBlocks: replica.metadata.undefinedBlocks,
      sender,
      pacer: this.#link.pacer(),
      sizeBytes: replica.sizeBytes,
      method,
      figures: verifyFigures,
      mayGoOn: () => this.#mayLock(),
      stopped: (reason) => this.#stop(reason),
      done: () => this.#compared(repair),
    });
    this.#become({ kind: 'source', job: method, blocks });
    blocks.start();
  }

  #compared(repair: boolean): void {
    if (this.#state.kind !== 'source') return;
    this.#finish();
    if (!repair || this.#link.bitmap.dirtyBlocks === 0 || !this.#mayLock() || this.#isLevelling) return;
    this.#link.sender.send(FrameType.verifyBegin, encodeVerifyRequest({ job: 'repair', repair: true }));
    this.#repair('a verify found differences');
  }

  #repair(reason: string): void {
    const { bitmap, figures, replica, sender } = this.#link;
    figures.decided('bitmap', reason);
    figures.begin('bitmap', bitmap.dirtyBytes);
    const blocks = new RepairSource({
      disk: replica.disk,
      locks: replica.locks,
      bitmap,
      sender,
      pacer: this.#link.pacer(),
      sizeBytes: replica.sizeBytes,
      figures,
      mayGoOn: () => this.#mayLock(),
      stopped: (why) => this.#stop(why),
      done: () => this.#finish(),
    });
    this.#become({ kind: 'repairing', job: 'repair', blocks });
    blocks.start();
  }

  /** VERIFY_BEGIN. */
  #begun({ job }: VerifyRequest): void {
    if (job === 'fast') return this.#sendEnd(job, { isDone: true, reason: '' });
    const { peerNode, replica } = this.#link;
    if (this.#state.kind !== 'idle' && this.#state.kind !== 'asked')
      throw new EterneError('protocol', 'two verifies at once');
    if (replica.primary !== undefined || replica.changingRole || replica.isServedBeside(peerNode)) {
      this.#sendEnd(job, { isDone: false, reason: OTHER_PRIMARY });
      return this.#ended({ isDone: false, reason: OTHER_PRIMARY });
    }
    // A verify that was asked for while a repair began: it may be asked for again.
    if (job === 'repair') this.#ended({ isDone: false, reason: 'a repair has begun' });
    if (job === 'repair') this.#becomeReceiver();
    else this.#becomeTarget(job);
  }

  #becomeTarget(job: VerifyJob): void {
    const { sender, verifyFigures } = this.#link;
    const { disk, locks, metadata, slabs } = this.#link.replica;
    verifyFigures.begun(job);
    const failed = ({ message }: { readonly message: string }): void => {
      const end = { isDone: false, reason: `${this.#link.replica.config.node}: ${message}` };
      this.#sendEnd(job, end);
      this.#ended(end);
    };
    const blocks = new VerifyTarget({
      disk,
      locks,
      slabs,
      undefinedBlocks: metadata.undefinedBlocks,
      sender,
      failed,
    });
    this.#become({ kind: 'target', job, blocks });
  }

  #becomeReceiver(): void {
    const { figures, foreign, peerNode, replica, sender } = this.#link;
    const { disk, locks, slabs } = replica;
    figures.decided('bitmap', `${peerNode} copies blocks that differ`);
    const blocks = new SyncReceiver({
      disk,
      foreign,
      locks,
      slabs,
      isLast: () => true,
      wrote: () => {},
      flushed: (ranges) => sendResyncClear(sender, ranges, FrameType.repaired),
    });
    this.#become({ kind: 'receiving', job: 'repair', blocks });
  }

  #received(message: ResyncData, bodyBytes: number): void {
    const state = this.#state;
    if (state.kind !== 'receiving') throw new EterneError('protocol', 'blocks came that nobody repairs');
    this.#link.figures.moved(HEADER_BYTES + bodyBytes);
    state.blocks.take(message);
  }

  /** VERIFY_END: the other side is through, cannot go on, has heard that this one cannot, or answers a `fast` job. */
  #peerEnded(end: VerifyEnd): void {
    const state = this.#state;
    if (state.kind === 'stopping') return this.#become(IDLE);
    if (state.kind === 'idle' || state.job !== end.job) return;
    if (end.job === 'fast') return this.#judgeNames(end);
    if (!end.isDone && (state.kind === 'target' || state.kind === 'receiving')) this.#sendEnd(end.job, end);
    this.#ended(end, end);
  }

  /** What the bitmaps of both sides say, if it is said of the same content. */
  #judgeNames(end: VerifyEnd): void {
    const { bitmap, replica } = this.#link;
    const { sizeBytes } = replica;
    const isSameName = end.current === replica.metadata.state.generations.current;
    const differingBytes = isSameName ? Math.max(bitmap.dirtyBytes, end.differingBytes) : sizeBytes;
    const figures = { checkedBytes: sizeBytes, differingBytes, wireBytes: end.wireBytes };
    this.#ended({ isDone: true, reason: isSameName ? '' : 'the generations differ' }, figures);
  }

  /** The source is through. */
  #finish(): void {
    const state = this.#state;
    if (state.kind !== 'source' && state.kind !== 'repairing') return;
    this.#sendEnd(state.job, { isDone: true, reason: '' });
    this.#ended({ isDone: true, reason: '' });
  }

  /** The source cannot go on. */
  #stop(reason: string): void {
    const state = this.#state;
    if (state.kind !== 'source' && state.kind !== 'repairing') return;
    this.#sendEnd(state.job, { isDone: false, reason });
    this.#ended({ isDone: false, reason });
    this.#become({ kind: 'stopping' });
  }

  #sendEnd(job: VerifyJob, { isDone, reason }: End): void {
    const { bitmap, replica, sender, verifyFigures } = this.#link;
    const isCompared = this.#state.kind === 'source';
    const end = {
      job,
      isDone,
      checkedBytes: isCompared ? verifyFigures.checkedBytes : 0,
      differingBytes: isCompared ? verifyFigures.differingBytes : bitmap.dirtyBytes,
      wireBytes: isCompared ? verifyFigures.wireBytes : FAST_BYTES,
      current: replica.metadata.state.generations.current,
      reason,
    };
    sender.send(FrameType.verifyEnd, encodeVerifyEnd(end));
  }

  #ended(end: End, figures: Figures = this.#link.verifyFigures): void {
    const state = this.#state;
    if ('blocks' in state) state.blocks.close();
    const { checkedBytes, differingBytes, wireBytes } = figures;
    const isVerify = 'job' in state && state.job !== 'repair';
    if (isVerify)
      this.#link.verifyFigures.ended({
        isDone: end.isDone,
        reason: end.reason,
        checkedBytes,
        differingBytes,
        wireBytes,
      });
    this.#become(IDLE);
  }

  #become(state: State): void {
    this.#state = state;
    this.#link.replica.changed();
  }
}
