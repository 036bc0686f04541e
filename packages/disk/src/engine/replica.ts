import type { World } from '@eterne/runtime';
import type { ReplicaSummary, VolumeMetadata } from '../metadata/index.ts';
import type { DiskState, Role, VolumeConfig } from './api.ts';
import { BufferSlabs } from './buffer-slabs.ts';
import { Gauge } from './gauge.ts';
import type { LocalDisk } from './local-disk.ts';
import type { Primary } from './primary/primary.ts';
import type { Promotion } from './promotion.ts';
import { RangeLocks } from './range-locks.ts';

/** What the parts of one opened volume share: its stores, its order of writes, and what this replica is at the moment. */
export class Replica {
  readonly world: World;
  readonly config: VolumeConfig;
  readonly metadata: VolumeMetadata;
  readonly disk: LocalDisk;
  /** Everything that writes to the disk, whoever asks, goes through these, so that overlapping writes have one order. */
  readonly locks = new RangeLocks();
  readonly slabs = new BufferSlabs();
  /** The serving primary, or the one whose term is being wound up. */
  primary: Primary | undefined;
  /** Changes of the metadata that sessions have begun, also of sessions that are gone by now. */
  readonly duties = new Gauge();
  /** A promotion, demotion or step-down is under way: no handshake now. */
  changingRole = false;
  /** The promotion under way, which a peer's own may conflict with. */
  roleChange: Promotion | undefined;
  /** Does a connected peer other than this one serve the volume? */
  isServedBeside: (peer: string) => boolean = () => false;
  readonly arbiterIsLocal: boolean;
  readonly #onChange: () => void;

  constructor(
    world: World,
    config: VolumeConfig,
    metadata: VolumeMetadata,
    disk: LocalDisk,
    arbiterIsLocal: boolean,
    onChange: () => void,
  ) {
    this.world = world;
    this.config = config;
    this.metadata = metadata;
    this.disk = disk;
    this.arbiterIsLocal = arbiterIsLocal;
    this.#onChange = onChange;
  }

  get role(): Role {
    return this.primary === undefined ? 'secondary' : 'primary';
  }

  /** Status has changed. */
  changed(): void {
    this.#onChange();
  }

  /** What the disk is worth when nobody else is asked. `isInStep`: some member of the set is connected and equal. */
  diskState(isInStep: boolean): DiskState {
    if (this.disk.failure !== undefined) return 'Failed';
    const { diskState, set } = this.metadata.state;
    if (diskState === 'Inconsistent' || diskState === 'Outdated') return diskState;
    if (this.primary !== undefined || isInStep) return 'UpToDate';
    if (!set.members.includes(this.config.node)) return 'Consistent';
    // Alone in the set nobody else can have gone on; nor can anybody when the policy is to wait for us.
    const isTrusted = set.members.length === 1 || this.config.onPeerLost === 'freeze';
    return isTrusted && diskState === 'UpToDate' ? 'UpToDate' : 'Consistent';
  }

  /** `discards`: the node whose changes the operator told this side to throw away. */
  summaryFor(peer: string, discards: string): ReplicaSummary {
    const { state, replicaUuid, sizeBytes } = this.metadata;
    return {
      node: this.config.node,
      sizeBytes,
      volumeUuid: state.volumeUuid,
      replicaUuid,
      term: state.term,
      set: state.set,
      incarnation: state.incarnation,
      witnessedIncarnation: state.peerIncarnations[peer] ?? 0,
      diskState: this.disk.failure === undefined ? state.diskState : 'Failed',
      role: this.role,
      justCreated: state.justCreated,
      crashedPrimary: state.crashedPrimary,
      generations: state.generations,
      dirtyBlocks: this.metadata.bitmap(peer).dirtyBlocks,
      skipInitialSync: this.config.initialSync === 'none',
      splitBrain: {
        actions: this.config.splitBrain,
        promotedAtWallMs: state.promotedAtWallMs,
        discards,
      },
    };
  }

  /** Calls `then` once nothing of an earlier session or term is on its way to disk or metadata. */
  whenQuiet(then: () => void): void {
    const busy = [
      this.disk.foreign,
      this.duties,
      ...(this.primary === undefined ? [this.disk.own] : []),
    ].find((gauge) => gauge.count > 0);
    if (busy === undefined) then();
    else busy.whenIdle(() => this.whenQuiet(then));
  }
}
