/** Disks that go back to what they once were: snapshots, and when one may be put back. */
import type { MirrorVolume } from '@eterne/disk/engine/api.ts';
import type { SimDisk } from '../world/disk.ts';
import type { SimNode } from '../world/node.ts';
import type { PageMap } from '../world/page-map.ts';
import type { Prng } from '../world/prng.ts';
import type { Universe } from '../world/universe.ts';

const SNAPSHOT_MS = [2_000, 12_000] as const;
const SNAPSHOTS_MAX = 6;
/** So long a machine stays without power until nobody counts on its disks any more, and they can be those of a snapshot. */
const OUT_OF_SET_MS = 6_000;
const ROLL_BACK_MS = 100;

/** What a node's disks held at some moment, and which process used them. */
interface Snapshot {
  readonly pid: number;
  readonly disks: readonly { readonly disk: SimDisk; readonly pages: PageMap; readonly sizeBytes: number }[];
  /** Which processes of its peers the node had witnessed. */
  readonly witnessed: ReadonlyMap<string, number>;
}

export interface RollBackParts {
  readonly universe: Universe;
  readonly chance: Prng;
  readonly nodes: readonly SimNode[];
  readonly disksOf: (node: SimNode) => readonly SimDisk[];
  /** Of the process that was started last on a node. */
  readonly pidOf: (node: string) => number | undefined;
  readonly isMember: (node: string) => boolean;
  /** Some process has not noticed yet that it has lost the node. */
  readonly isHeld: (node: string) => boolean;
  /** False: no disk goes back any more. */
  readonly mayWait: () => boolean;
  /** The disks of a node are about to become others. */
  readonly beforeDisksChange: (node: SimNode) => void;
}

export class RollBacks {
  readonly #parts: RollBackParts;
  /** Newest first. */
  readonly #snapshots = new Map<SimNode, readonly Snapshot[]>();
  /** By node, then peer: which process of the peer it was connected with last, and so has witnessed the incarnation of. */
  readonly #witnessed = new Map<string, ReadonlyMap<string, number>>();
  /** Whose disks were put back, and who was not made whole since. */
  #putBack: string | undefined;

  constructor(parts: RollBackParts) {
    this.#parts = parts;
  }

  /** Keeps, now and then, what a node's disks hold for certain: a snapshot that somebody may go back to. */
  start(): void {
    const { chance, nodes, universe } = this.#parts;
    universe.scheduler.after(chance.between(...SNAPSHOT_MS), () => {
      const node = chance.pick(nodes);
      if (node?.poweredOn === true) this.keep(node);
      this.start();
    });
  }

  keep(node: SimNode): void {
    const older = this.#snapshots.get(node) ?? [];
    this.#snapshots.set(node, [this.#snapshotOf(node), ...older].slice(0, SNAPSHOTS_MAX));
  }

  witness(node: string, volume: MirrorVolume): void {
    for (const peer of volume.status().peers) {
      const pid = this.#parts.pidOf(peer.node);
      if (peer.connection !== 'Connected' || pid === undefined) continue;
      const known = this.#witnessed.get(node);
      if (known?.get(peer.node) !== pid) this.#witnessed.set(node, new Map(known).set(peer.node, pid));
    }
  }

  committed(members: readonly string[]): void {
    if (members.includes(this.#putBack ?? '')) this.#putBack = undefined;
  }

  /** As soon as the design promises to notice; `then` when it has, or cannot. */
  request(node: SimNode, then: () => void): void {
    this.#later(node, this.#parts.universe.nowMs + OUT_OF_SET_MS, then);
  }

  #later(node: SimNode, untilMs: number, then: () => void): void {
    const { mayWait, universe } = this.#parts;
    // Another fault's end has brought it back.
    if (node.poweredOn) return;
    const mayGoOn = universe.nowMs < untilMs && mayWait();
    if (this.#rollBack(node) || !mayGoOn) return then();
    universe.scheduler.after(ROLL_BACK_MS, () => this.#later(node, untilMs, then));
  }

  #snapshotOf(node: SimNode): Snapshot {
    return {
      pid: this.#parts.pidOf(node.name) ?? 0,
      disks: this.#parts
        .disksOf(node)
        .map((disk) => ({ disk, pages: disk.durableCopy(), sizeBytes: disk.sizeBytes })),
      witnessed: this.#witnessed.get(node.name) ?? new Map(),
    };
  }

  /**
   * Only outside the set: a member is trusted to have what it had; so nor while a primary that stands still may find, when it goes on, that a copy to it was
   * over, and take it in. Only when every other node has witnessed a later incarnation
   * than the snapshot's, which is what the design promises to tell a rolled-back disk by. And one disk at a time: a witness that is put back
   * itself has forgotten what it would tell the other by, so two of them cannot be told from what they were.
   */
  #rollBack(node: SimNode): boolean {
    const { beforeDisksChange, isHeld, isMember, nodes, universe } = this.#parts;
    if (isMember(node.name) || isHeld(node.name)) return false;
    if (this.#putBack !== undefined && this.#putBack !== node.name) return false;
    const others = nodes.filter((other) => other !== node);
    const witnessed = others.map(({ name }) => this.#witnessed.get(name)?.get(node.name) ?? 0);
    const snapshot = this.#snapshots.get(node)?.find(({ pid }) => witnessed.every((seen) => seen > pid));
    if (snapshot === undefined) return false;
    beforeDisksChange(node);
    for (const { disk, pages, sizeBytes } of snapshot.disks) disk.load(pages, sizeBytes);
    this.#putBack = node.name;
    this.#witnessed.set(node.name, snapshot.witnessed);
    universe.count('disks rolled back');
    universe.trace.line(node.name, 'has the disks of a snapshot');
    return true;
  }
}
