import type { DirtyBitmap } from '../../metadata/api.ts';
import type { Fetched } from '../../protocol/messages/fetch.ts';
import type { Range } from '../../protocol/messages/resync.ts';
import type { WriteOp } from './write-op.ts';

/** One peer as the primary sees it. */
export interface Mirror {
  readonly node: string;
  readonly bit: number;
  /** Which member of the cluster it is; undefined: nobody has told. */
  readonly life: string | undefined;
  /** Blocks that this node knows the peer may lack. */
  readonly bitmap: DirtyBitmap;
  /** The session that takes writes; undefined while the peer is away or still shaking hands. */
  readonly link: MirrorLink | undefined;
}

/** A replicating session, towards the peer. */
export interface MirrorLink {
  /** The peer has every block; otherwise some are still to be copied to it. */
  readonly isEqual: boolean;
  /** How large the volume is there. */
  readonly peerSizeBytes: number;
  /** `copyData`: the reply does not wait for this peer, so its bytes must outlive the write. */
  sendWrite(op: WriteOp, copyData: boolean): void;
  /** Writes that the peer has not answered. */
  readonly lagWrites: number;
  /** Asynchronous: what follows is applied only when everything before it is durable there. */
  sendBarrier(): void;
  /** Asynchronous: the peer gets no more writes; when it has answered those it has, it comes again to have the rest copied. */
  goAhead(): void;
  sendFlush(round: number): void;
  /** The round began before the peer came. */
  sendFlushAgain(round: number): void;
  /** Every write that preceded FLUSH `round` is durable on all replicas that are there. */
  sendSettled(round: number): void;
  /** Is every block of the range still to be copied by a request that has not been answered yet? */
  willCopy(offset: number, lengthBytes: number): boolean;
  /** The peer answers with the data, or undefined when it cannot; never after the session is lost. */
  read(offset: number, lengthBytes: number, done: (data: Buffer | undefined) => void): void;
  /** What the beginning of the range, locked here, holds: for a copy of it. As `read` otherwise. */
  fetch(range: Range, done: (fetched: Fetched | undefined) => void): void;
  flushSendBuffer(): void;
}
