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
  type Uuid,
  type VolumeMetadata,
} from '@eterne/disk/metadata/index.ts';
import type { MetadataDisk } from '../mirror/metadata-disk.ts';
import { PAGE_BYTES, SECTOR_BYTES } from '../world/page.ts';
import type { PageMap } from '../world/page-map.ts';
import type { Prng } from '../world/prng.ts';
import type { ReplicaDisk } from '../world/replica-disk.ts';

export interface ReplicaDisks {
  readonly node: string;
  readonly data: ReplicaDisk;
  readonly metadata: MetadataDisk;
}

export interface CoverageOptions {
  readonly volume: string;
  readonly sizeBytes: number;
  /** Of a mirror set. */
  readonly setLayout?: Uuid | undefined;
  readonly skipInitialSync: boolean;
  /** Without one arbiter both sides may have been promoted: then a split brain is what they are to find. */
  readonly mayPart: boolean;
  readonly chance: Prng;
  /** Told of each replica as it would be found. A sentence about what is wrong with it, or undefined. */
  readonly judge?: (found: ReplicaFound) => string | undefined;
  /** Told of each row of the handshake that an imagined meeting came to. */
  readonly onRow: (row: string) => void;
}

/** One replica as it would be found after the imagined crash. */
export interface ReplicaFound {
  readonly node: string;
  readonly data: PageMap;
  readonly metadata: VolumeMetadata;
  readonly disk: ReplicaDisk;
}

/** What was found last on a metadata disk, and the disk's version then. */
interface Recovered {
  readonly version: number;
  readonly metadata: VolumeMetadata;
}

export class CoverageChecker {
  private readonly replicas: readonly ReplicaDisks[];
  private readonly options: CoverageOptions;
  /** By node: recovering metadata that nobody has touched since would find the same. */
  private readonly recovered = new Map<string, Recovered>();

  constructor(replicas: readonly ReplicaDisks[], options: CoverageOptions) {
    this.replicas = replicas;
    this.options = options;
  }

  /** Imagines that everything crashes now, and of the `dark` nodes the power fails. A sentence about an uncovered block, or undefined. */
  findUncovered(dark: ReadonlySet<string>): string | undefined {
    const found: ReplicaFound[] = [];
    for (const replica of this.replicas) {
      const isDark = dark.has(replica.node);
      if (replica.metadata.sizeBytes === 0 || replica.data.sizeBytes === 0) continue;
      const metadata = this.recover(replica, isDark);
      if (metadata instanceof EterneError) return `${replica.node} would not open: ${metadata.message}`;
      found.push({ node: replica.node, metadata, data: replica.data.imagine(isDark), disk: replica.data });
    }
    for (const replica of found) {
      const problem = this.options.judge?.(replica);
      if (problem !== undefined) return `after a crash now, of ${replica.node}: ${problem}`;
    }
    for (const [i, mine] of found.entries())
      for (const theirs of found.slice(i + 1)) {
        const uncovered = this.uncoveredBetween(mine, theirs);
        if (uncovered !== undefined) return uncovered;
      }
    return undefined;
  }

  private recover({ node, metadata }: ReplicaDisks, isDark: boolean): VolumeMetadata | EterneError {
    const { version } = metadata;
    // Power loss of a disk with un-flushed changes leaves something else each time.
    const isCertain = !isDark || metadata.unflushedCount === 0;
    const known = this.recovered.get(node);
    if (isCertain && known?.version === version) return known.metadata;
    const { volume, sizeBytes, setLayout, chance } = this.options;
    const store = metadata.imagine(isDark);
    if (store instanceof EterneError) return store;
    let opened: VolumeMetadata | EterneError | undefined;
    openMetadata(
      {
        store,
        random: chance,
        volume,
        node,
        sizeBytes,
        ...(setLayout === undefined ? {} : { setLayout }),
        peers: this.replicas.filter((other) => other.node !== node).map((other) => other.node),
      },
      (result) => (opened = result),
    );
    assert(opened !== undefined, 'a store in memory answers at once');
    if (isCertain && !(opened instanceof EterneError))
      this.recovered.set(node, { version, metadata: opened });
    return opened;
  }

  private uncoveredBetween(mine: ReplicaFound, theirs: ReplicaFound): string | undefined {
    const { skipInitialSync, mayPart } = this.options;
    // The smaller one grows before they meet.
    const sizeBytes = Math.max(mine.metadata.sizeBytes, theirs.metadata.sizeBytes);
    const decision = decideHandshake(
      { ...summaryOf(mine, theirs.node, skipInitialSync), sizeBytes },
      { ...summaryOf(theirs, mine.node, skipInitialSync), sizeBytes },
    );
    this.options.onRow(decision.row);
    if (decision.kind === 'split-brain' && mayPart) return undefined;
    if (decision.kind === 'split-brain' || decision.kind === 'unrelated')
      return `after a crash now ${mine.node} and ${theirs.node} would not come together again: ${decision.reason}`;
    const copiesBits = decision.kind === 'none' || (decision.kind === 'sync' && decision.extent === 'bitmap');
    if (!copiesBits) return undefined;
    for (const offset of mine.data.differingFrom(theirs.data)) {
      const isOutside = offset >= Math.min(mine.metadata.sizeBytes, theirs.metadata.sizeBytes);
      if (isOutside || isForgiven(mine, offset) || isForgiven(theirs, offset)) continue;
      const covered =
        mine.metadata.bitmap(theirs.node).anyDirty(offset, PAGE_BYTES) ||
        theirs.metadata.bitmap(mine.node).anyDirty(offset, PAGE_BYTES);
      if (!covered)
        return `after a crash now ${mine.node} and ${theirs.node} differ in the block at ${offset}, which no bit covers (handshake: ${decision.kind}, ${decision.reason})`;
    }
    return undefined;
  }
}

/** What a disk has altered in a block, or had to keep elsewhere, no bit tells. */
function isForgiven({ disk }: ReplicaFound, offset: number): boolean {
  for (let at = offset; at < offset + PAGE_BYTES; at += SECTOR_BYTES)
    if (disk.isForgiven(at / SECTOR_BYTES)) return true;
  return false;
}

function summaryOf({ node, metadata }: ReplicaFound, peer: string, skipInitialSync: boolean): ReplicaSummary {
  const { state } = metadata;
  return {
    node,
    sizeBytes: metadata.sizeBytes,
    volumeUuid: state.volumeUuid,
    replicaUuid: metadata.replicaUuid,
    setLayout: metadata.setLayout,
    term: state.term,
    set: state.set,
    incarnation: state.incarnation,
    formerIncarnations: state.formerIncarnations,
    witnessedIncarnation: state.peerIncarnations[peer] ?? 0,
    diskState: state.diskState,
    role: 'secondary',
    justCreated: state.justCreated,
    crashedPrimary: state.crashedPrimary,
    generations: state.generations,
    undoneSync: state.undoneSync,
    dirtyBlocks: metadata.bitmap(peer).dirtyBlocks,
    skipInitialSync,
    splitBrain: {
      actions: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
      promotedAtWallMs: state.promotedAtWallMs,
      discards: '',
    },
  };
}
