import type { DirtyBitmap, MetadataDone, MetadataState, ReplicaSummary } from '../../metadata/index.ts';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import type { Gauge } from '../gauge.ts';
import type { Replica } from '../replica.ts';
import type { UnusedBlocks } from '../usage/unused-blocks.ts';
import type { ResyncFigures } from './resync-figures.ts';
import type { ResyncPacer } from './resync-pacer.ts';
import type { ThirdParties } from './third-parties.ts';

/** What a copy needs of the session it runs in. */
export interface CopyLink {
  readonly replica: Replica;
  readonly peerNode: string;
  /** The blocks that this side keeps as dirty for the other. */
  readonly bitmap: DirtyBitmap;
  readonly sender: FrameSender;
  /** Counts what is on its way from the other side to the disk. */
  readonly foreign: Gauge;
  readonly figures: ResyncFigures;
  readonly thirds: ThirdParties;
  /** What the other side said of itself at the handshake. */
  readonly theirs: ReplicaSummary;
  pacer(): ResyncPacer;
  markBlocks(firstBlock: number, count: number): void;
  /** Later frames wait until `work` is done; then `then`, unless the session is gone. A failure closes the session. */
  duty(work: (done: MetadataDone) => void, then: () => void): void;
  /** As the last step of a duty: nothing is changed any more when the session has gone meanwhile. */
  updateIfOpen(change: (state: MetadataState) => MetadataState, done: MetadataDone): void;
  updateDuty(change: (state: MetadataState) => MetadataState, then: () => void): void;
  /** Writes of the primary flow from now on. */
  replicating(): void;
  /** Calls `then` when every write that has come is on stable storage. */
  whenApplied(then: () => void): void;
  /** The target is about to be given our generation's name. */
  naming(): void;
  /** This side, the target, is to serve before it has everything. */
  borrow(): void;
  /** The target is to serve before it has everything: it goes on asking for blocks as a primary. */
  lend(unused: UnusedBlocks | undefined): void;
  /** Both copies are equal, or what the target lacks is known to both. */
  copied(): void;
  close(reason: string): void;
}
