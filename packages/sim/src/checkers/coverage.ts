/**
 * Invariant 3: a dirty bitmap always covers the true difference. Judged by asking what a crash at this very instant would
 * leave: both replicas' disks are copied as they are (processes killed) or as they might be (power lost), their metadata
 * is recovered by the real code, and every block that differs must be marked on one side or the other, unless the handshake
 * would copy everything or refuse anyway.
 */
import { assert, EterneError } from '@eterne/base';
import {
  decideHandshake,
  openMetadata,
  type ReplicaSummary,
  type VolumeMetadata,
} from '@eterne/disk/metadata/index.ts';
import type { SimDisk } from '../world/disk.ts';
import { MemoryStore } from '../world/memory-store.ts';
import { PAGE_BYTES, type PageMap } from '../world/page-map.ts';
import type { Prng } from '../world/prng.ts';

export interface ReplicaDisks {
  readonly node: string;
  readonly data: SimDisk;
  readonly metadata: SimDisk;
}

export interface CoverageQuestion {
  readonly volume: string;
  readonly sizeBytes: number;
  readonly skipInitialSync: boolean;
  readonly chance: Prng;
  /** Of which replica the power, not only the process, is imagined to fail. */
  readonly powerLoss: (node: string) => boolean;
}

/** One replica as it would be found after the imagined crash. */
interface Found {
  readonly node: string;
  readonly data: PageMap;
  readonly metadata: VolumeMetadata;
}

/** A sentence about an uncovered block, or undefined. */
export function findUncovered(
  x: ReplicaDisks,
  y: ReplicaDisks,
  question: CoverageQuestion,
): string | undefined {
  const [mine, theirs] = [crashed(x, y.node, question), crashed(y, x.node, question)];
  if (mine === undefined || theirs === undefined) return undefined;
  if (mine instanceof EterneError) return `${x.node} would not open: ${mine.message}`;
  if (theirs instanceof EterneError) return `${y.node} would not open: ${theirs.message}`;
  const decision = decideHandshake(
    summaryOf(mine, theirs.node, question),
    summaryOf(theirs, mine.node, question),
  );
  if (decision.kind === 'split-brain' || decision.kind === 'unrelated')
    return `after a crash now ${x.node} and ${y.node} would not come together again: ${decision.reason}`;
  const copiesBits = decision.kind === 'none' || (decision.kind === 'sync' && decision.extent === 'bitmap');
  if (!copiesBits) return undefined;
  for (const offset of differingPages(mine.data, theirs.data)) {
    const covered =
      mine.metadata.bitmap(theirs.node).anyDirty(offset, PAGE_BYTES) ||
      theirs.metadata.bitmap(mine.node).anyDirty(offset, PAGE_BYTES);
    if (!covered)
      return `after a crash now ${x.node} and ${y.node} differ in the block at ${offset}, which no bit covers (handshake: ${decision.kind}, ${decision.reason})`;
  }
  return undefined;
}

/** Undefined when the replica does not exist yet. */
function crashed(
  { node, data, metadata }: ReplicaDisks,
  peer: string,
  { volume, sizeBytes, chance, powerLoss }: CoverageQuestion,
): Found | EterneError | undefined {
  if (metadata.sizeBytes === 0 || data.sizeBytes === 0) return undefined;
  const dark = powerLoss(node);
  let opened: VolumeMetadata | EterneError | undefined;
  openMetadata(
    {
      store: new MemoryStore(metadata.snapshot(dark), metadata.sizeBytes),
      random: chance,
      volume,
      node,
      sizeBytes,
      peers: [peer],
    },
    (result) => (opened = result),
  );
  assert(opened !== undefined, 'a store in memory answers at once');
  return opened instanceof EterneError ? opened : { node, data: data.snapshot(dark), metadata: opened };
}

function summaryOf({ node, metadata }: Found, peer: string, question: CoverageQuestion): ReplicaSummary {
  const { state } = metadata;
  return {
    node,
    sizeBytes: metadata.sizeBytes,
    volumeUuid: state.volumeUuid,
    replicaUuid: metadata.replicaUuid,
    term: state.term,
    set: state.set,
    incarnation: state.incarnation,
    witnessedIncarnation: state.peerIncarnations[peer] ?? 0,
    diskState: state.diskState,
    role: 'secondary',
    justCreated: state.justCreated,
    crashedPrimary: state.crashedPrimary,
    generations: state.generations,
    dirtyBlocks: metadata.bitmap(peer).dirtyBlocks,
    skipInitialSync: question.skipInitialSync,
    splitBrain: {
      actions: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
      promotedAtWallMs: state.promotedAtWallMs,
      discards: '',
    },
  };
}

function differingPages(x: PageMap, y: PageMap): number[] {
  const offsets = new Set([...x.offsets(), ...y.offsets()]);
  return [...offsets].filter((offset) => !x.page(offset).equals(y.page(offset)));
}
