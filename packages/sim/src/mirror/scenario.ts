/**
 * The mirror alone: real engines on simulated machines, a scripted arbiter, clients that write, and faults. First
 * a safety phase, in which anything may happen but a broken invariant; then everything is healed and the volume
 * must become whole again within `LIVENESS_MS`.
 */
import { assert, MIB } from '@eterne/base';
import type { MirrorVolume, VolumeConfig, VolumeStatus } from '@eterne/disk/engine/api.ts';
import { windowOf } from '@eterne/disk/engine/set/members.ts';
import type { BlockDevice } from '@eterne/runtime';
import { CoverageChecker, type ReplicaFound } from '../checkers/coverage.ts';
import { CrashImaginer } from '../checkers/imagine.ts';
import { History } from '../checkers/history.ts';
import { findDisorder } from '../checkers/linearizable.ts';
import { findDifference } from '../checkers/identical.ts';
import { metadataRegionAt } from '../checkers/regions.ts';
import { ReplicaChecker } from '../checkers/replicas.ts';
import { SetTruth } from '../checkers/set-truth.ts';
import { findMisordered } from '../checkers/write-order.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import { FAULTS, FaultPlan } from '../faults/plan.ts';
import type { SimDisk } from '../world/disk.ts';
import type { SimNode } from '../world/node.ts';
import type { ReplicaDisk } from '../world/replica-disk.ts';
import type { Prng } from '../world/prng.ts';
import { isFull, resultOf, type SeedResult } from '../run/result.ts';
import { CRASH_POINTS, imaginedRow } from '../run/tally.ts';
import { Universe } from '../world/universe.ts';
import { Arbiter, type Register } from './arbiter.ts';
import {
  type DataLayout,
  dataDisks,
  dataLayout,
  type Equipment,
  METADATA_PATH,
  PLAIN,
  replicaDisk,
  VOLUME,
} from './equipment.ts';
import { type Extras, NO_EXTRAS } from './extras.ts';
import { formatBehind, formatMetadata } from './format.ts';
import { metadataAlone, metadataBehind, metadataStart, type MetadataDisk } from './metadata-disk.ts';
import { VolumeHost } from './host.ts';
import { RollBacks } from './roll-backs.ts';
import { setDevice } from './set-device.ts';
import { pickShape } from './shape.ts';
import { Supervisor } from './supervisor.ts';
import { Workload, type WorkloadShape } from './workload.ts';

const SAFETY_MS = 50_000;
/** A seed whose faults leave clients little time goes on until it is full, but no longer than this. */
const SAFETY_MAX_MS = 400_000;
const LIVENESS_MS = 30_000;
const SETTLE_MS = 10_000;
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
/** How often a process is to die at one of the crash points. */
const CRASH_POINT_CHANCE = 0.25;
const LOG_SLOTS = [2, 3, 8, 64] as const;

export interface ScenarioOptions {
  readonly keepLines: boolean;
}

export function runMirror(seed: number, options: ScenarioOptions): SeedResult {
  const scenario = new MirrorScenario(seed, options, PLAIN, () => NO_EXTRAS);
  scenario.run();
  return scenario.result();
}

export class MirrorScenario {
  readonly universe: Universe;
  readonly nodes: SimNode[] = [];
  readonly arbiter: Arbiter;
  readonly supervisor: Supervisor;
  readonly history = new History();
  readonly hosts = new Map<string, VolumeHost>();
  readonly truth: SetTruth;
  /** When it is made. */
  readonly sizeBytes: number;
  /** As large as clients have ever seen it. */
  shownBytes: number;
  readonly shape: WorkloadShape;
  readonly layout: DataLayout;
  readonly equipment: Equipment;
  readonly mode: VolumeConfig['mode'];
  /** Until then metadata that lies behind the data may be on its way to another place, and every crash is of interest. */
  criticalUntilMs = 0;
  private readonly chance: Prng;
  private readonly arbiterNode: SimNode;
  private readonly faults: FaultPlan;
  private readonly checker: ReplicaChecker;
  private readonly imaginer: CrashImaginer;
  private readonly rollBacks: RollBacks;
  private readonly extras: Extras;
  private readonly replicaDisks = new Map<string, ReplicaDisk>();
  private readonly congestion: VolumeConfig['congestion'];
  private readonly initialSync: VolumeConfig['initialSync'];
  private readonly logSlots: number;
  private readonly diskTimeoutMs: number;
  /** Of the newest device. Those of older terms go on until their device ends, or their process. */
  private workload: Workload | undefined;
  private clientsStopped = false;
  private isSafetyPhase = true;

  constructor(
    seed: number,
    options: ScenarioOptions,
    equipment: Equipment,
    extras: (scenario: MirrorScenario) => Extras,
  ) {
    this.equipment = equipment;
    this.universe = new Universe(seed, options);
    this.chance = this.universe.prng('scenario');
    const replicas = this.chance.weighted(REPLICAS);
    this.initialSync =
      replicas > 2 || equipment.isAdopted ? 'full' : this.chance.pick(['full', 'none', 'none'] as const);
    const sizes = this.initialSync === 'full' ? SMALL_BYTES : LARGE_BYTES;
    this.sizeBytes = this.chance.pick(sizes);
    this.shownBytes = this.sizeBytes;
    const modes = this.universe.prng('mode');
    this.mode = modes.weighted(MODES);
    this.congestion = { queueBytes: modes.pick(QUEUE_BYTES), policy: modes.pick(['slow', 'ahead'] as const) };
    this.logSlots = this.chance.pick(LOG_SLOTS);
    this.diskTimeoutMs = this.chance.pick(DISK_TIMEOUTS_MS);
    this.layout = dataLayout(equipment.members, this.sizeBytes);
    this.shape = { ...pickShape(this.chance, this.sizeBytes / SECTOR_BYTES), ends: endsOf(this.layout) };
    for (const [i, name] of NAMES.slice(0, replicas).entries()) this.addNode(name, i);
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
      (name) => this.dataOf(name),
    );
    const coverage = new CoverageChecker(
      this.nodes.map((node) => ({
        node: node.name,
        data: this.dataOf(node.name),
        metadata: this.metadataOf(node),
      })),
      {
        volume: VOLUME,
        sizeBytes: this.sizeBytes,
        setLayout: this.layout.setLayout,
        skipInitialSync: this.initialSync === 'none',
        mayPart: false,
        chance: this.universe.prng('coverage'),
        judge: (found) => this.judgeMember(found) ?? this.judgeOrder(found),
        onRow: (row) => this.universe.count(imaginedRow(row)),
      },
    );
    this.imaginer = new CrashImaginer(this.universe, coverage, this.nodes, this.chance);
    this.supervisor = new Supervisor(this.universe, this.chance, {
      nodes: this.nodes,
      pidOf: ({ name }) => this.hosts.get(name)?.process.pid,
      start: (node) => this.startHost(node),
    });
    this.rollBacks = new RollBacks({
      universe: this.universe,
      chance: this.chance,
      nodes: this.nodes,
      disksOf: (node) => this.disksOf(node),
      pidOf: (node) => this.hosts.get(node)?.process.pid,
      isMember: (node) => this.truth.members.includes(node),
      isHeld: (node) => [...this.hosts.values()].some((host) => host.isConnectedWith(node)),
      mayWait: () => this.isSafetyPhase,
      beforeDisksChange: (node) => this.beforeDisksChange(node),
    });
    this.extras = extras(this);
    const victims = {
      universe: this.universe,
      nodes: this.nodes,
      bystanders: [this.arbiterNode],
      switchOver: () => (this.arbiter.switchRequested = true),
      revive: (node: SimNode) => this.supervisor.revive(node),
      reattach: (node: SimNode) => this.reattach(node),
      rollBack: (node: SimNode, then: () => void) => this.rollBacks.request(node, then),
    };
    this.faults = new FaultPlan(victims, { ...FAULTS, ...this.extras.faults });
  }

  run(): void {
    const { universe } = this;
    this.arbiter.start();
    this.extras.prepare();
    for (const node of this.nodes) {
      this.watchData(node);
      node.onPowerLoss = () => this.truth.lostPower(node.name);
      this.makeMetadata(node);
      this.startHost(node);
    }
    this.supervisor.start();
    this.imaginer.start();
    this.rollBacks.start();
    universe.runUntil(2_000);
    this.faults.start();
    universe.runUntil(SAFETY_MS);
    while (!isFull(this.result()) && universe.nowMs < SAFETY_MAX_MS && universe.violation === undefined)
      universe.runUntil(universe.nowMs + 1_000);
    this.faults.stop();
    for (const { process } of this.hosts.values()) process.crashAt(undefined);
    this.isSafetyPhase = false;
    this.awaitWhole();
    if (universe.violation === undefined) this.extras.tryOut();
    this.clientsStopped = true;
    this.workload?.stop();
    this.checkEnd();
  }

  result(): SeedResult {
    return resultOf(this.universe, this.history, this.faults.counts, this.arbiter.register.term);
  }

  private makeMetadata(node: SimNode): void {
    const blank = {
      volume: VOLUME,
      node: node.name,
      peers: this.nodes.filter((other) => other !== node).map(({ name }) => name),
      sizeBytes: this.sizeBytes,
      activityLogSlots: this.logSlots,
      setLayout: this.layout.setLayout,
    };
    if (this.isBehind) return formatBehind(this.deviceOf(node), this.chance, blank);
    const metadata = node.disk(METADATA_PATH);
    formatMetadata(metadata, this.chance, blank);
    metadata.onChange = () => this.imaginer.metadataChanged();
    metadata.content = 'metadata';
    metadata.regionAt = metadataRegionAt;
  }

  private startHost(node: SimNode): void {
    const peers = this.nodes.filter((other) => other !== node);
    const config: VolumeConfig = {
      name: VOLUME,
      node: node.name,
      sizeBytes: this.sizeBytes,
      mode: this.mode,
      devicePath: this.layout.paths[0] ?? '',
      ...(this.layout.members === undefined ? {} : { members: this.layout.members }),
      metadataPath: this.isBehind ? 'internal' : METADATA_PATH,
      peers: Object.fromEntries(peers.map(({ name }) => [name, this.replicationAddresses(name)])),
      readPolicy: this.equipment.readPolicy,
      checksums: this.equipment.checksums,
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
    const process = node.start('disk');
    const host = new VolumeHost(
      process,
      config,
      { control: `${address}:7000`, replication: this.replicationAddresses(node.name) },
      this.arbiter.committedFor(node.name, process.pid),
      (volume) => this.watch(host, volume),
    );
    if (this.hosts.has(node.name)) this.rollBacks.keep(node);
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

  /** Starts clients on every new device, and watches weak replicas become whole. */
  private watch(host: VolumeHost, volume: MirrorVolume): void {
    let served: BlockDevice | undefined;
    const { node } = host.process;
    this.extras.opened(node);
    const look = (): void => {
      const { device } = volume;
      if (device !== undefined && device !== served) {
        served = device;
        this.serve(host, volume, device);
      }
      this.shownBytes = Math.max(this.shownBytes, device?.sizeBytes ?? 0);
      this.rollBacks.witness(node.name, volume);
      this.extras.looked(node, volume);
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
      setDevice(device, this.layout.members),
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
    this.rollBacks.committed(members);
    if (this.truth.commit({ term, holder, version, members }))
      this.universe.trace.line(holder ?? '', 'is promoted after a power loss: un-flushed writes may be gone');
    this.checker.sweep('at a commit an acknowledged write is missing');
  }

  statusOf(node: string): VolumeStatus | undefined {
    const host = this.hosts.get(node);
    return host?.process.alive === true ? host.volume?.status() : undefined;
  }

  awaitWhole(): void {
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

  /** Once something was served, whoever is in the set knows durably what it is. */
  private judgeMember({ metadata, node }: ReplicaFound): string | undefined {
    const isKnown = this.history.fences.length > 0 && this.truth.members.includes(node);
    return isKnown && metadata.state.justCreated
      ? 'a member of the set, it is taken for a new replica'
      : undefined;
  }

  /** A copy that is not being copied to is an older, but consistent disk, whatever is lost of it now. */
  private judgeOrder({ data, disk, metadata, node }: ReplicaFound): string | undefined {
    if (this.mode === 'sync') return undefined;
    const { diskState, justCreated } = metadata.state;
    const isBehind = justCreated || diskState === 'Inconsistent' || node === this.arbiter.register.holder;
    return isBehind ? undefined : findMisordered(this.history, data, (sector) => disk.isForgiven(sector));
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
      const status = this.statusOf(name);
      if (status?.disk !== 'UpToDate') defects.push(`${name} is ${status?.disk}`);
      if (status?.sizeBytes !== primary.sizeBytes)
        defects.push(`${name} has ${status?.sizeBytes} bytes, the primary ${primary.sizeBytes}`);
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
    this.extras.tryOutIdle();
    this.checker.sweep('at the end an acknowledged write is missing');
    const [first, ...others] = this.nodes.map(({ name }) => this.dataOf(name));
    assert(first !== undefined, 'there is a replica');
    const { sizeBytes } = this.statusOf(this.arbiter.register.holder ?? '') ?? this;
    for (const other of others) {
      const difference = findDifference(first, other, sizeBytes);
      if (difference !== undefined) universe.violate('identical', difference);
    }
    const disorder = findDisorder(this.history);
    if (disorder !== undefined) universe.violate('linearizable', disorder);
  }

  /** All there is of a replica's data. */
  dataOf(node: string): ReplicaDisk {
    let disk = this.replicaDisks.get(node);
    if (disk === undefined) {
      disk = replicaDisk(this.nodeNamed(node), this.layout);
      this.replicaDisks.set(node, disk);
    }
    return disk;
  }

  metadataOf(node: SimNode): MetadataDisk {
    if (!this.isBehind) return metadataAlone(node.disk(METADATA_PATH));
    return metadataBehind(this.deviceOf(node), this.placedVolume(node));
  }

  /** Undefined: it is not behind the data. */
  metadataStartOf(node: SimNode): number | undefined {
    return this.isBehind ? metadataStart(this.deviceOf(node), this.placedVolume(node)) : undefined;
  }

  private deviceOf(node: SimNode): SimDisk {
    return node.disk(this.layout.paths[0] ?? '');
  }

  private placedVolume({ name }: SimNode): Pick<VolumeConfig, 'name' | 'node' | 'sizeBytes'> {
    return { name: VOLUME, node: name, sizeBytes: this.sizeBytes };
  }

  dataDisksOf(node: SimNode): readonly SimDisk[] {
    return dataDisks(node, this.layout);
  }

  /** The volume where it is served. */
  get primary():
    { readonly node: SimNode; readonly host: VolumeHost; readonly volume: MirrorVolume } | undefined {
    const { holder } = this.arbiter.register;
    const host = this.hosts.get(holder ?? '');
    const volume = host?.volume;
    if (host?.process.alive !== true || volume?.device === undefined) return undefined;
    return { node: host.process.node, host, volume };
  }

  sweep(occasion: string): void {
    this.checker.sweep(occasion);
  }

  /** The disks of a node are about to become others. */
  beforeDisksChange(node: SimNode): void {
    this.extras.beforeDisksChange(node);
  }

  /** A blank disk has taken the place of another one. Metadata on it gets a log as large as the others have: the engine counts on that. */
  diskReplaced(node: SimNode): void {
    if (this.isBehind) this.makeMetadata(node);
  }

  private get isBehind(): boolean {
    return this.equipment.metadata === 'internal';
  }

  private disksOf(node: SimNode): readonly SimDisk[] {
    return this.isBehind ? this.dataDisksOf(node) : [...this.dataDisksOf(node), node.disk(METADATA_PATH)];
  }

  private addNode(name: string, index: number): void {
    const node = this.universe.addNode(name, [hostAddress(index)]);
    for (let path = 1; path <= this.equipment.paths; path += 1)
      this.universe.network.assignHost(hostAddress(index, path), node, `${path}`);
    this.nodes.push(node);
  }

  private replicationAddresses(name: string): string[] {
    const index = this.nodes.indexOf(this.nodeNamed(name));
    const { paths } = this.equipment;
    if (paths === 0) return [`${hostAddress(index)}:7701`];
    return Array.from({ length: paths }, (_, path) => `${hostAddress(index, path + 1)}:7701`);
  }

  private watchData(node: SimNode): void {
    for (const [index, disk] of this.dataDisksOf(node).entries()) {
      const { members } = this.layout;
      const start = members === undefined ? 0 : windowOf(members, index, 0).start;
      disk.onChange = (offset, lengthBytes) => {
        if (this.isBehind && offset >= this.shownBytes)
          return this.imaginer.metadataChanged(this.universe.nowMs < this.criticalUntilMs);
        this.extras.landed(node, start + offset, lengthBytes);
        this.checker.landed(node.name, start + offset, lengthBytes);
      };
      disk.onRefused = (offset, lengthBytes) => this.extras.refused(node, start + offset, lengthBytes);
    }
  }

  nodeNamed(name: string): SimNode {
    const node = this.universe.nodes.get(name);
    assert(node !== undefined, `there is a node ${name}`);
    return node;
  }

  private addressOf(name: string): string {
    return hostAddress(this.nodes.indexOf(this.nodeNamed(name)));
  }
}

function hostAddress(index: number, path = 0): string {
  return `10.${path}.0.${index + 1}`;
}

function endsOf({ members = [] }: DataLayout): number[] {
  return members.slice(1).map((_, index) => windowOf(members, index + 1, 0).start / SECTOR_BYTES);
}
