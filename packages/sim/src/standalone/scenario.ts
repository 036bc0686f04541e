/**
 * Two servers with a mirror and no cluster: an operator promotes, by force too, split brains happen and are resolved by policies or by hand, copies are
 * cut short and rolled back. Then everything heals; both sides must find a split brain that there is; it is resolved, the copies become
 * equal, and every acknowledged write is on them or in an image that a rescue journal gives.
 */
import { isDeepStrictEqual } from 'node:util';
import { assert, MIB } from '@eterne/base';
import { type MirrorVolume, type VolumeConfig } from '@eterne/disk/engine/api.ts';
import type { BlockDevice } from '@eterne/runtime';
import { CoverageChecker } from '../checkers/coverage.ts';
import { History } from '../checkers/history.ts';
import { findDisorder, withLateAnswers } from '../checkers/linearizable.ts';
import { findDifference } from '../checkers/identical.ts';
import { CrashImaginer } from '../checkers/imagine.ts';
import { exportImages } from '../checkers/images.ts';
import { KeptChecker } from '../checkers/kept.ts';
import { metadataRegionAt } from '../checkers/regions.ts';
import { FaultPlan } from '../faults/plan.ts';
import { metadataAlone } from '../mirror/metadata-disk.ts';
import { formatMetadata } from '../mirror/format.ts';
import { pickShape } from '../mirror/shape.ts';
import { Supervisor } from '../mirror/supervisor.ts';
import { Workload, type WorkloadShape } from '../mirror/workload.ts';
import { isFull, resultOf, type SeedResult } from '../run/result.ts';
import { BORROWING_CRASH_POINTS, CRASH_POINTS, imaginedRow } from '../run/tally.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import type { SimNode } from '../world/node.ts';
import type { Prng } from '../world/prng.ts';
import { Universe } from '../world/universe.ts';
import { pickActions } from './actions.ts';
import { StandaloneHost } from './host.ts';
import { JournalFaults } from './journal-faults.ts';
import { Operator } from './operator.ts';
import { RescueWatch } from './rescue-watch.ts';

const SAFETY_MS = 50_000;
const SAFETY_MAX_MS = 400_000;
/** Everything is healed, and nobody does anything: so long both sides may take to find that they have parted. */
const FIND_MS = 12_000;
const LIVENESS_MS = 90_000;
const SETTLE_MS = 5_000;
const VOLUME = 'v0';
const DATA_PATH = 'data.img';
const METADATA_PATH = 'data.meta';
const RESCUE_PATH = 'rescue.img';
const RESCUE_BYTES = 1024 * MIB;
const SIZES_BYTES = [2 * MIB, 5 * MIB + 4096] as const;
const NAMES = ['a', 'b'] as const;
const LOG_SLOTS = [2, 3, 8, 64] as const;
const DISK_TIMEOUTS_MS = [800, 3_000, 30_000] as const;
const BY_HAND_CHANCE = 0.5;
const CRASH_POINT_CHANCE = 0.25;
/** How often somebody promotes replicas while they are copied to; and how often there are rescue journals then, which forbid that but for first copies. */
const IMPATIENCE_CHANCE = 0.3;
const JOURNAL_CHANCE = 0.2;
/** Slow enough that a copy is often cut short. */
const RATES_BYTES_PER_SECOND = [MIB / 8, MIB, 1024 * MIB] as const;

export function runStandalone(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new StandaloneScenario(seed, options);
  scenario.run();
  return scenario.result();
}

class StandaloneScenario {
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly nodes: SimNode[] = [];
  private readonly hosts = new Map<string, StandaloneHost>();
  private readonly supervisor: Supervisor;
  private readonly faults: FaultPlan;
  private readonly journalFaults: JournalFaults;
  private readonly operator: Operator;
  private readonly history = new History();
  private readonly kept = new KeptChecker(this.history);
  private readonly rescue: RescueWatch;
  private readonly imaginer: CrashImaginer;
  private readonly settings: Pick<
    VolumeConfig,
    'initialSync' | 'onPeerLost' | 'splitBrain' | 'diskTimeoutMs' | 'sizeBytes' | 'resyncRate'
  >;
  private readonly logSlots: number;
  /** Somebody promotes replicas while they are copied to. */
  private readonly impatience: Prng | undefined;
  private readonly hasJournals: boolean;
  /** Machines that did since the last session began. */
  private readonly lostPower = new Set<SimNode>();
  private readonly shape: WorkloadShape;
  private readonly workloads = new Set<Workload>();
  private sessions = 0;
  private isSafetyPhase = true;
  private clientsStopped = false;

  constructor(seed: number, options: { readonly keepLines: boolean }) {
    this.universe = new Universe(seed, options);
    this.chance = this.universe.prng('scenario');
    const { chance, universe } = this;
    const rate = chance.pick(RATES_BYTES_PER_SECOND);
    const impatience = universe.prng('not whole');
    this.impatience = impatience.chance(IMPATIENCE_CHANCE) ? impatience : undefined;
    this.hasJournals = this.impatience?.chance(JOURNAL_CHANCE) ?? true;
    this.settings = {
      sizeBytes: chance.pick(SIZES_BYTES),
      initialSync: chance.pick(['full', 'none'] as const),
      onPeerLost: chance.pick(['continue', 'freeze'] as const),
      splitBrain: pickActions(chance, BY_HAND_CHANCE),
      diskTimeoutMs: chance.pick(DISK_TIMEOUTS_MS),
      resyncRate: { minBytesPerSecond: rate, maxBytesPerSecond: rate },
    };
    this.logSlots = chance.pick(LOG_SLOTS);
    this.shape = pickShape(chance, this.settings.sizeBytes / SECTOR_BYTES);
    for (const name of NAMES) this.nodes.push(universe.addNode(name, [hostOf(name)]));
    this.operator = new Operator(universe, () => this.hosts, {
      impatience: this.impatience,
      hasJournals: this.hasJournals,
    });
    this.rescue = new RescueWatch(
      universe,
      (node) => this.hosts.get(node)?.volume,
      (node) => this.pointBegun(node),
    );
    this.journalFaults = new JournalFaults(universe, (name) => this.reattach(this.nodeOf(name)));
    this.imaginer = this.makeImaginer();
    this.supervisor = new Supervisor(this.universe, this.chance, {
      nodes: this.nodes,
      pidOf: ({ name }) => this.hosts.get(name)?.process.pid,
      start: (node) => this.startHost(node),
    });
    this.faults = new FaultPlan({
      universe,
      nodes: this.nodes,
      bystanders: [],
      switchOver: () => (this.operator.switchRequested = true),
      revive: (node) => this.supervisor.revive(node),
      reattach: (node) => this.reattach(node),
      rollBack: (_node, then) => then(),
    });
  }

  run(): void {
    const { universe } = this;
    for (const node of this.nodes) this.prepare(node);
    this.supervisor.start();
    this.imaginer.start();
    this.operator.start();
    universe.runUntil(2_000);
    this.faults.start();
    universe.runUntil(SAFETY_MS);
    while (!isFull(this.result()) && universe.nowMs < SAFETY_MAX_MS && universe.violation === undefined)
      universe.runUntil(universe.nowMs + 1_000);
    this.faults.stop();
    this.journalFaults.stop();
    for (const { process } of this.hosts.values()) process.crashAt(undefined);
    this.isSafetyPhase = false;
    this.operator.calmDown();
    this.checkFound();
    this.awaitWhole();
    this.clientsStopped = true;
    for (const workload of this.workloads) workload.stop();
    this.checkEnd();
  }

  result(): SeedResult {
    return resultOf(this.universe, this.history, this.faults.counts, this.sessions);
  }

  private nodeOf(name: string): SimNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    assert(node !== undefined, `there is a node ${name}`);
    return node;
  }

  private otherThan(node: SimNode): SimNode {
    const other = this.nodes.find((candidate) => candidate !== node);
    assert(other !== undefined, 'there are two nodes');
    return other;
  }

  private pointBegun(name: string): void {
    this.kept.setAside(name);
    this.journalFaults.pointBegun(name, this.nodeOf(name).disk(RESCUE_PATH));
  }

  private makeImaginer(): CrashImaginer {
    const { universe, nodes, settings } = this;
    const disksOf = (node: SimNode) => ({
      node: node.name,
      data: node.disk(DATA_PATH),
      metadata: metadataAlone(node.disk(METADATA_PATH)),
    });
    const coverage = new CoverageChecker(nodes.map(disksOf), {
      volume: VOLUME,
      sizeBytes: settings.sizeBytes,
      skipInitialSync: settings.initialSync === 'none',
      mayPart: true,
      chance: universe.prng('coverage'),
      onRow: (row) => universe.count(imaginedRow(row)),
    });
    return new CrashImaginer(universe, coverage, nodes, this.chance);
  }

  private prepare(node: SimNode): void {
    const [data, metadata] = [node.disk(DATA_PATH), node.disk(METADATA_PATH)];
    formatMetadata(metadata, this.chance, {
      volume: VOLUME,
      node: node.name,
      peers: NAMES.filter((name) => name !== node.name),
      sizeBytes: this.settings.sizeBytes,
      activityLogSlots: this.logSlots,
    });
    metadata.content = 'metadata';
    metadata.regionAt = metadataRegionAt;
    metadata.onChange = () => this.imaginer.metadataChanged();
    data.onBeforeChange = () => this.rescue.look(node.name, data);
    node.onPowerLoss = () => {
      this.lostPower.add(node);
      this.kept.lostPower(node.name, this.isOnlyMember(node));
      // What has not been overwritten yet is not in the image either.
      if (this.rescue.isSettingAside(node.name)) this.kept.setAside(node.name);
      this.rescue.lostPower(node.name);
    };
    this.startHost(node);
  }

  /** The other one serves what this one alone is sure to have. */
  private isOnlyMember(node: SimNode): boolean {
    const status = this.hosts.get(this.otherThan(node).name)?.status;
    return status?.role === 'primary' && isDeepStrictEqual(status.inSyncSet, [node.name]);
  }

  private startHost(node: SimNode): void {
    const config: VolumeConfig = {
      ...this.settings,
      name: VOLUME,
      node: node.name,
      mode: 'sync',
      devicePath: DATA_PATH,
      metadataPath: METADATA_PATH,
      peers: Object.fromEntries(
        NAMES.filter((name) => name !== node.name).map((name) => [name, [`${hostOf(name)}:7701`]]),
      ),
      readPolicy: 'local',
      congestion: { queueBytes: 64 * MIB, policy: 'slow' },
      ...(this.hasJournals
        ? { rescueJournal: { path: RESCUE_PATH, maxBytes: RESCUE_BYTES, whenFull: 'pause' } }
        : {}),
      linkChecksums: 'crc32c',
    };
    const process = node.start('disk');
    const host = new StandaloneHost(process);
    this.hosts.set(node.name, host);
    process.onLog = (message) => this.rescue.heard(node.name, message, node.disk(DATA_PATH));
    if (this.isSafetyPhase && this.chance.chance(CRASH_POINT_CHANCE))
      process.crashAt(this.chance.pick(CRASH_POINTS));
    else if (this.isSafetyPhase && this.impatience?.chance(CRASH_POINT_CHANCE) === true)
      process.crashAt(this.impatience.pick(BORROWING_CRASH_POINTS));
    host.start(config, `${hostOf(node.name)}:7701`, (volume) => this.watch(host, volume));
  }

  /** The operator takes a disk back that is well again by starting its process anew. */
  private reattach(node: SimNode): void {
    const host = this.hosts.get(node.name);
    if (host?.process.alive !== true) return;
    host.process.crash();
    this.supervisor.revive(node);
  }

  private watch(host: StandaloneHost, volume: MirrorVolume): void {
    let served: BlockDevice | undefined;
    const look = (): void => {
      const { device } = volume;
      if (device !== undefined && device !== served) {
        served = device;
        this.serve(host, volume, device);
      }
      this.judgeDoubts();
    };
    volume.onChange(look);
    look();
  }

  /** After power losses: who has what the other has. */
  private judgeDoubts(): void {
    for (const [name, host] of this.hosts) {
      const other = NAMES.find((candidate) => candidate !== name) ?? '';
      const [mine, theirs] = [host.status, this.hosts.get(other)?.status];
      const link = mine?.peers[0];
      if (link?.replication === 'SyncSource') this.kept.prevails(name);
      const isEqual = link?.replication === 'Established' && theirs?.peers[0]?.replication === 'Established';
      if (isEqual && theirs?.role === 'primary') this.kept.isEqual(name, other);
    }
  }

  private serve(host: StandaloneHost, volume: MirrorVolume, device: BlockDevice): void {
    const { universe, history, kept } = this;
    const node = host.process.node;
    this.sessions += 1;
    const session = this.sessions;
    universe.trace.line(node.name, `serves term ${device.term}: session ${session}`);
    // What it lacks is at the other side, which has everything.
    const lacksBlocks = volume.status().disk === 'Inconsistent';
    const base = lacksBlocks ? this.otherThan(node) : node;
    kept.served(session, base.name, base.disk(DATA_PATH).copy());
    const { lostPower } = this;
    if (lostPower.size > 0) history.lose();
    const settled = lostPower.has(base) && (lostPower.has(node) || base === node);
    history.fence(session, lostPower.size > 0, universe.nowMs, settled);
    lostPower.clear();
    if (this.clientsStopped) return;
    const workload = new Workload(
      host.process,
      device,
      () => volume.device === device,
      history,
      { changed: () => undefined, flushed: (changes) => kept.covered(session, changes) },
      this.shape,
      universe.prng(`workload:${node.name}:${session}`),
      session,
    );
    this.workloads.add(workload);
    workload.start();
  }

  /** Nobody touches anything: a split brain that is there is found, and on both sides. */
  private checkFound(): void {
    const { universe, operator } = this;
    operator.isWatching = true;
    universe.runUntil(universe.nowMs + FIND_MS);
    operator.isWatching = false;
    if (universe.violation !== undefined) return;
    const finds = NAMES.map((name) => this.hosts.get(name)?.status?.peers[0]?.splitBrain === true);
    if (new Set(finds).size > 1) universe.violate('split-brain', `only one side knows that they have parted`);
    const primaries = NAMES.filter((name) => this.hosts.get(name)?.status?.role === 'primary');
    if (primaries.length > 1 && finds.includes(false))
      universe.violate('split-brain', 'both sides are primary, and nobody calls it a split brain');
    if (finds.includes(true)) universe.count('split brains left for the operator');
  }

  private awaitWhole(): void {
    const { universe } = this;
    const deadline = universe.nowMs + LIVENESS_MS;
    while (universe.violation === undefined && this.defects().length > 0 && universe.nowMs < deadline)
      universe.runUntil(universe.nowMs + 100);
    const defects = this.defects();
    if (defects.length > 0)
      universe.violate('liveness', `${LIVENESS_MS} ms after everything healed: ${defects.join('; ')}`);
    universe.runUntil(universe.nowMs + 2_000);
  }

  private defects(): string[] {
    const defects: string[] = [];
    const statuses = NAMES.map((name) => this.hosts.get(name)?.status);
    const primaries = statuses.filter((status) => status?.role === 'primary');
    if (primaries.length !== 1) defects.push(`${primaries.length} primaries`);
    for (const [i, status] of statuses.entries()) {
      if (status === undefined) defects.push(`${NAMES[i]} does not run`);
      else if (status.disk !== 'UpToDate') defects.push(`${NAMES[i]} is ${status.disk}`);
      if (status?.frozen === true) defects.push(`${NAMES[i]} is frozen: ${status.freezeReason}`);
      for (const { node, replication, dirtyBytes, splitBrain } of status?.peers ?? [])
        if (replication !== 'Established' || dirtyBytes > 0 || splitBrain)
          defects.push(
            `${NAMES[i]} to ${node}: ${replication}, ${dirtyBytes} bytes dirty, split brain ${splitBrain}`,
          );
    }
    return defects;
  }

  private checkEnd(): void {
    const { history, universe } = this;
    if (universe.violation !== undefined) return;
    universe.runUntil(universe.nowMs + SETTLE_MS);
    const [a, b] = this.nodes.map((node) => node.disk(DATA_PATH));
    assert(a !== undefined && b !== undefined, 'two nodes');
    const difference = findDifference(a, b);
    if (difference !== undefined) universe.violate('identical', difference);
    const images = exportImages(universe, this.hosts.values(), this.rescue);
    const volume = { name: 'the volume', pages: a.copy() };
    // Without a journal a split brain costs what its loser wrote.
    const lost = this.hasJournals ? this.kept.findLost([volume, ...images], true) : undefined;
    if (lost !== undefined && !this.rescue.hasSaidSo) universe.violate('kept', lost);
    // Of two that serve, the one that only waits (`freeze`) is no loss, but the operator may say otherwise.
    if (this.operator.forced === 0 && this.operator.resolved === 0) {
      const gone = this.kept.findLost([volume], false);
      if (gone !== undefined) universe.violate('kept', `nothing was forced nor resolved, but ${gone}`);
      // A primary that stands still while its survivor is promoted (`freeze`) may answer a read before it hears of that.
      const isOneDisk = this.impatience !== undefined && this.settings.onPeerLost === 'continue';
      const disorder = isOneDisk ? findDisorder(withLateAnswers(history)) : undefined;
      if (disorder !== undefined) universe.violate('linearizable', disorder);
    }
  }
}

function hostOf(name: string): string {
  return `10.0.0.${name.charCodeAt(0) - 96}`;
}
