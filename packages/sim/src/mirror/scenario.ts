/**
 * The mirror alone: real engines on simulated machines, a scripted arbiter, clients that write, and faults. First
 * a safety phase, in which anything may happen but a broken invariant; then everything is healed and the volume
 * must become whole again within `LIVENESS_MS`.
 */
import { assert, MIB } from '@eterne/base';
import type { MirrorVolume, VolumeConfig, VolumeStatus } from '@eterne/disk/engine/api.ts';
import type { BlockDevice } from '@eterne/runtime';
import { CoverageChecker } from '../checkers/coverage.ts';
import { CrashImaginer } from '../checkers/imagine.ts';
import { History } from '../checkers/history.ts';
import { findDisorder } from '../checkers/linearizable.ts';
import { findDifference } from '../checkers/identical.ts';
import { metadataRegionAt } from '../checkers/regions.ts';
import { ReplicaChecker } from '../checkers/replicas.ts';
import { SetTruth } from '../checkers/set-truth.ts';
import { SECTOR_BYTES } from '../world/disk.ts';
import { FaultPlan } from '../faults/plan.ts';
import type { SimNode } from '../world/node.ts';
import { PageMap } from '../world/page-map.ts';
import type { Prng } from '../world/prng.ts';
import { isFull, resultOf, type SeedResult } from '../run/result.ts';
import { CRASH_POINTS, imaginedRow } from '../run/tally.ts';
import { Universe } from '../world/universe.ts';
import { Arbiter, type Register } from './arbiter.ts';
import { formatMetadata } from './format.ts';
import { VolumeHost } from './host.ts';
import { pickShape } from './shape.ts';
import { Supervisor } from './supervisor.ts';
import { Workload, type WorkloadShape } from './workload.ts';

const SAFETY_MS = 50_000;
/** A seed whose faults leave clients little time goes on until it is full, but no longer than this. */
const SAFETY_MAX_MS = 400_000;
const LIVENESS_MS = 30_000;
const SETTLE_MS = 10_000;
const VOLUME = 'v0';
const DATA_PATH = 'data.img';
const METADATA_PATH = 'data.meta';
/** Copied whole at the start. */
const SMALL_BYTES = [2 * MIB, 5 * MIB + 4096] as const;
/** Several extents, so that the activity log has to let some go. */
const LARGE_BYTES = [9 * MIB + 4096, 24 * MIB, 64 * MIB] as const;
const NAMES = ['a', 'b', 'c', 'd'];
const REPLICAS = [
  [6, 2],
  [3, 3],
  [1, 4],
] as const;
const MODES = [
  [3, 'sync'],
  [1, 'async'],
] as const;
/** Asynchronous: a queue that is often full, and one that never is. */
const QUEUE_BYTES = [256 * 1024, 64 * MIB] as const;
const DISK_TIMEOUTS_MS = [800, 3_000, 30_000] as const;
const SNAPSHOT_MS = [2_000, 12_000] as const;
const SNAPSHOTS_MAX = 6;
/** So long a machine stays without power until nobody counts on its disks any more, and they can be those of a snapshot. */
const OUT_OF_SET_MS = 6_000;
const ROLL_BACK_MS = 100;
/** How often a process is to die at one of the crash points. */
const CRASH_POINT_CHANCE = 0.25;
const LOG_SLOTS = [2, 3, 8, 64] as const;

/** What a node's disks held at some moment, and which process used them. */
interface Snapshot {
  readonly pid: number;
  readonly pages: readonly PageMap[];
  /** Which processes of its peers the node had witnessed. */
  readonly witnessed: ReadonlyMap<string, number>;
}

export interface ScenarioOptions {
  readonly keepLines: boolean;
}

export function runMirror(seed: number, options: ScenarioOptions): SeedResult {
  const scenario = new MirrorScenario(seed, options);
  scenario.run();
  return scenario.result();
}

class MirrorScenario {
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly nodes: SimNode[] = [];
  private readonly arbiterNode: SimNode;
  private readonly arbiter: Arbiter;
  private readonly supervisor: Supervisor;
  private readonly faults: FaultPlan;
  private readonly history = new History();
  private readonly checker: ReplicaChecker;
  private readonly imaginer: CrashImaginer;
  private readonly hosts = new Map<string, VolumeHost>();
  /** Newest first. */
  private readonly snapshots = new Map<SimNode, readonly Snapshot[]>();
  /** By node, then peer: which process of the peer it was connected with last, and so has witnessed the incarnation of. */
  private readonly witnessed = new Map<string, ReadonlyMap<string, number>>();
  /** Whose disks were put back, and who was not made whole since. */
  private putBack: string | undefined;
  private readonly truth: SetTruth;
  private readonly sizeBytes: number;
  private readonly shape: WorkloadShape;
  private readonly mode: VolumeConfig['mode'];
  private readonly congestion: VolumeConfig['congestion'];
  private readonly initialSync: VolumeConfig['initialSync'];
  private readonly logSlots: number;
  private readonly diskTimeoutMs: number;
  /** Of the newest device. Those of older terms go on until their device ends, or their process. */
  private workload: Workload | undefined;
  private clientsStopped = false;
  private isSafetyPhase = true;

  constructor(seed: number, options: ScenarioOptions) {
    this.universe = new Universe(seed, options);
    this.chance = this.universe.prng('scenario');
    const replicas = this.chance.weighted(REPLICAS);
    this.initialSync = replicas > 2 ? 'full' : this.chance.pick(['full', 'none', 'none'] as const);
    const sizes = this.initialSync === 'full' ? SMALL_BYTES : LARGE_BYTES;
    this.sizeBytes = this.chance.pick(sizes);
    const modes = this.universe.prng('mode');
    this.mode = modes.weighted(MODES);
    this.congestion = { queueBytes: modes.pick(QUEUE_BYTES), policy: modes.pick(['slow', 'ahead'] as const) };
    this.logSlots = this.chance.pick(LOG_SLOTS);
    this.diskTimeoutMs = this.chance.pick(DISK_TIMEOUTS_MS);
    this.shape = pickShape(this.chance, this.sizeBytes / SECTOR_BYTES);
    for (const [i, name] of NAMES.slice(0, replicas).entries())
      this.nodes.push(this.universe.addNode(name, [hostAddress(i)]));
    this.arbiterNode = this.universe.addNode('w', ['10.0.0.100']);
    this.arbiter = new Arbiter(
      this.arbiterNode.start('arbiter').world,
      this.universe.prng('arbiter'),
      (name) => `${this.addressOf(name)}:7000`,
    );
    this.arbiter.onCommit = (register) => this.committed(register);
    this.truth = new SetTruth(this.history);
    this.checker = new ReplicaChecker(
      this.universe,
      this.history,
      () => this.truth,
      (name) => this.nodeNamed(name).disk(DATA_PATH),
    );
    const coverage = new CoverageChecker(
      this.nodes.map((node) => ({
        node: node.name,
        data: node.disk(DATA_PATH),
        metadata: node.disk(METADATA_PATH),
      })),
      {
        volume: VOLUME,
        sizeBytes: this.sizeBytes,
        skipInitialSync: this.initialSync === 'none',
        mayPart: false,
        chance: this.universe.prng('coverage'),
        onRow: (row) => this.universe.count(imaginedRow(row)),
      },
    );
    this.imaginer = new CrashImaginer(this.universe, coverage, this.nodes, this.chance);
    this.supervisor = new Supervisor(this.universe, this.chance, {
      nodes: this.nodes,
      pidOf: ({ name }) => this.hosts.get(name)?.process.pid,
      start: (node) => this.startHost(node),
    });
    this.faults = new FaultPlan({
      universe: this.universe,
      nodes: this.nodes,
      bystanders: [this.arbiterNode],
      switchOver: () => (this.arbiter.switchRequested = true),
      revive: (node) => this.supervisor.revive(node),
      reattach: (node) => this.reattach(node),
      rollBack: (node, then) => this.rollBackLater(node, this.universe.nowMs + OUT_OF_SET_MS, then),
    });
  }

  run(): void {
    const { universe } = this;
    this.arbiter.start();
    for (const node of this.nodes) {
      node.disk(DATA_PATH).onChange = (offset, lengthBytes) =>
        this.checker.landed(node.name, offset, lengthBytes);
      node.onPowerLoss = () => this.truth.lostPower(node.name);
      const metadata = node.disk(METADATA_PATH);
      formatMetadata(metadata, this.chance, {
        volume: VOLUME,
        node: node.name,
        peers: this.nodes.filter((other) => other !== node).map(({ name }) => name),
        sizeBytes: this.sizeBytes,
        activityLogSlots: this.logSlots,
      });
      metadata.onChange = () => this.imaginer.metadataChanged();
      metadata.content = 'metadata';
      metadata.regionAt = metadataRegionAt;
      this.startHost(node);
    }
    this.supervisor.start();
    this.imaginer.start();
    this.keepSnapshots();
    universe.runUntil(2_000);
    this.faults.start();
    universe.runUntil(SAFETY_MS);
    while (!isFull(this.result()) && universe.nowMs < SAFETY_MAX_MS && universe.violation === undefined)
      universe.runUntil(universe.nowMs + 1_000);
    this.faults.stop();
    for (const { process } of this.hosts.values()) process.crashAt(undefined);
    this.isSafetyPhase = false;
    this.awaitWhole();
    this.clientsStopped = true;
    this.workload?.stop();
    this.checkEnd();
  }

  result(): SeedResult {
    return resultOf(this.universe, this.history, this.faults.counts, this.arbiter.register.term);
  }

  private startHost(node: SimNode): void {
    const peers = this.nodes.filter((other) => other !== node);
    const config: VolumeConfig = {
      name: VOLUME,
      node: node.name,
      sizeBytes: this.sizeBytes,
      mode: this.mode,
      devicePath: DATA_PATH,
      metadataPath: METADATA_PATH,
      peers: Object.fromEntries(peers.map(({ name }) => [name, [`${this.addressOf(name)}:7701`]])),
      readPolicy: 'local',
      initialSync: this.initialSync,
      splitBrain: { zeroPrimaries: 'disconnect', onePrimary: 'disconnect', twoPrimaries: 'disconnect' },
      onPeerLost: 'continue',
      congestion: this.congestion,
      resyncRate: { minBytesPerSecond: 4 * MIB, maxBytesPerSecond: 1024 * MIB },
      diskTimeoutMs: this.diskTimeoutMs,
      // There are links here that change bytes.
      linkChecksums: 'crc32c',
    };
    const address = this.addressOf(node.name);
    const host = new VolumeHost(
      node.start('disk'),
      config,
      { control: `${address}:7000`, replication: `${address}:7701` },
      (volume) => this.watch(host, volume),
    );
    if (this.hosts.has(node.name)) this.keepSnapshotOf(node);
    this.hosts.set(node.name, host);
    if (this.isSafetyPhase && this.chance.chance(CRASH_POINT_CHANCE))
      host.process.crashAt(this.chance.pick(CRASH_POINTS));
    host.start();
  }

  /** A disk process does not take a failed disk back; the operator starts it again. */
  private reattach(node: SimNode): void {
    const host = this.hosts.get(node.name);
    const disk = this.statusOf(node.name)?.disk;
    if (host?.process.alive !== true || (disk !== undefined && disk !== 'Failed' && disk !== 'Diskless'))
      return;
    host.process.crash();
    this.supervisor.revive(node);
  }

  /** Keeps, now and then, what a node's disks hold for certain: a snapshot that somebody may go back to. */
  private keepSnapshots(): void {
    this.universe.scheduler.after(this.chance.between(...SNAPSHOT_MS), () => {
      const node = this.chance.pick(this.nodes);
      if (node?.poweredOn === true) this.keepSnapshotOf(node);
      this.keepSnapshots();
    });
  }

  private keepSnapshotOf(node: SimNode): void {
    const older = this.snapshots.get(node) ?? [];
    this.snapshots.set(node, [this.snapshotOf(node), ...older].slice(0, SNAPSHOTS_MAX));
  }

  private rollBackLater(node: SimNode, untilMs: number, then: () => void): void {
    // Another fault's end has brought it back.
    if (node.poweredOn) return;
    const mayWait = this.universe.nowMs < untilMs && this.isSafetyPhase;
    if (this.rollBack(node) || !mayWait) return then();
    this.universe.scheduler.after(ROLL_BACK_MS, () => this.rollBackLater(node, untilMs, then));
  }

  private snapshotOf(node: SimNode): Snapshot {
    return {
      pid: this.hosts.get(node.name)?.process.pid ?? 0,
      pages: [DATA_PATH, METADATA_PATH].map((path) => node.disk(path).durableCopy()),
      witnessed: this.witnessed.get(node.name) ?? new Map(),
    };
  }

  /**
   * Only outside the set: a member is trusted to have what it had. Only when every other node has witnessed a later incarnation
   * than the snapshot's, which is what the design promises to tell a rolled-back disk by. And one disk at a time: a witness that is put back
   * itself has forgotten what it would tell the other by, so two of them cannot be told from what they were.
   */
  private rollBack(node: SimNode): boolean {
    if (this.truth.members.includes(node.name)) return false;
    if (this.putBack !== undefined && this.putBack !== node.name) return false;
    const others = this.nodes.filter((other) => other !== node);
    const witnessed = others.map(({ name }) => this.witnessed.get(name)?.get(node.name) ?? 0);
    const snapshot = this.snapshots.get(node)?.find(({ pid }) => witnessed.every((seen) => seen > pid));
    if (snapshot === undefined) return false;
    for (const [i, path] of [DATA_PATH, METADATA_PATH].entries()) {
      const disk = node.disk(path);
      disk.load(snapshot.pages[i] ?? new PageMap(), disk.sizeBytes);
    }
    this.putBack = node.name;
    this.witnessed.set(node.name, snapshot.witnessed);
    this.universe.count('disks rolled back');
    this.universe.trace.line(node.name, 'has the disks of a snapshot');
    return true;
  }

  private witness(node: string, volume: MirrorVolume): void {
    for (const peer of volume.status().peers) {
      const pid = this.hosts.get(peer.node)?.process.pid;
      if (peer.connection !== 'Connected' || pid === undefined) continue;
      const known = this.witnessed.get(node);
      if (known?.get(peer.node) !== pid) this.witnessed.set(node, new Map(known).set(peer.node, pid));
    }
  }

  /** Starts clients on every new device, and watches weak replicas become whole. */
  private watch(host: VolumeHost, volume: MirrorVolume): void {
    let served: BlockDevice | undefined;
    const look = (): void => {
      const { device } = volume;
      if (device !== undefined && device !== served) {
        served = device;
        this.serve(host, volume, device);
      }
      this.witness(host.process.node.name, volume);
      if (this.truth.forgive((node) => this.statusOf(node)))
        this.checker.sweep('a replica is called equal, but an acknowledged write is missing');
    };
    volume.onChange(look);
    look();
  }

  private serve(host: VolumeHost, volume: MirrorVolume, device: BlockDevice): void {
    const { universe, history } = this;
    const { term, holder } = this.arbiter.register;
    const node = host.process.node.name;
    universe.trace.line(node, `serves term ${device.term}`);
    if (device.term > term || (device.term === term && holder !== node))
      universe.violate('term', `${node} serves term ${device.term}, but term ${term} is ${holder}’s`);
    if (device.term === term) history.fence(term, this.truth.served(), universe.nowMs);
    if (this.clientsStopped) return;
    this.workload = new Workload(
      host.process,
      device,
      () => volume.device === device,
      history,
      this.checker,
      this.shape,
      universe.prng(`workload:${node}:${device.term}`),
    );
    this.workload.start();
  }

  private committed({ term, holder, set }: Register): void {
    const { version, members } = set;
    if (members.includes(this.putBack ?? '')) this.putBack = undefined;
    if (this.truth.commit({ term, holder, version, members }))
      this.universe.trace.line(holder ?? '', 'is promoted after a power loss: un-flushed writes may be gone');
    this.checker.sweep('at a commit an acknowledged write is missing');
  }

  private statusOf(node: string): VolumeStatus | undefined {
    const host = this.hosts.get(node);
    return host?.process.alive === true ? host.volume?.status() : undefined;
  }

  private awaitWhole(): void {
    const { universe } = this;
    const deadline = universe.nowMs + LIVENESS_MS;
    // Long enough for clients to write through the healed volume too.
    universe.runUntil(universe.nowMs + 3_000);
    while (universe.violation === undefined && this.defects().length > 0 && universe.nowMs < deadline)
      universe.runUntil(universe.nowMs + 100);
    const defects = this.defects();
    if (defects.length > 0)
      universe.violate('liveness', `${LIVENESS_MS} ms after everything healed: ${defects.join('; ')}`);
  }

  /** What keeps the volume from being whole. */
  private defects(): string[] {
    const { holder, term, set } = this.arbiter.register;
    const primary = this.statusOf(holder ?? '');
    if (primary === undefined || primary.role !== 'primary' || primary.term !== term)
      return [`no primary of term ${term}`];
    const defects: string[] = [];
    if (primary.frozen) defects.push(`frozen: ${primary.freezeReason}`);
    // The primary of an asynchronous mirror is alone in the set.
    const wanted = this.mode === 'async' ? 1 : this.nodes.length;
    if (set.members.length !== wanted) defects.push(`the set is {${set.members.join()}}`);
    for (const { name } of this.nodes) {
      const disk = this.statusOf(name)?.disk;
      if (disk !== 'UpToDate') defects.push(`${name} is ${disk}`);
    }
    for (const peer of primary.peers)
      if (peer.connection !== 'Connected' || peer.replication !== 'Established' || peer.dirtyBytes > 0)
        defects.push(`${peer.node}: ${peer.connection}, ${peer.replication}, ${peer.dirtyBytes} bytes dirty`);
    return defects;
  }

  private checkEnd(): void {
    const { universe } = this;
    if (universe.violation !== undefined) return;
    universe.runUntil(universe.nowMs + SETTLE_MS);
    if (this.workload?.idle === false)
      return universe.violate('liveness', `${this.workload.openOperations} operations never return`);
    this.checker.sweep('at the end an acknowledged write is missing');
    const [first, ...others] = this.nodes.map((node) => node.disk(DATA_PATH));
    assert(first !== undefined, 'there is a replica');
    for (const other of others) {
      const difference = findDifference(first, other);
      if (difference !== undefined) universe.violate('identical', difference);
    }
    const disorder = findDisorder(this.history);
    if (disorder !== undefined) universe.violate('linearizable', disorder);
  }

  private nodeNamed(name: string): SimNode {
    const node = this.universe.nodes.get(name);
    assert(node !== undefined, `there is a node ${name}`);
    return node;
  }

  private addressOf(name: string): string {
    return hostAddress(this.nodes.indexOf(this.nodeNamed(name)));
  }
}

function hostAddress(index: number): string {
  return `10.0.0.${index + 1}`;
}
