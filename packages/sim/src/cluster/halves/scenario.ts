/**
 * A pair that prefers availability: two whole nodes and nothing else, of which each goes on alone when it does not hear the other. Both may do that, and then the group
 * runs twice and its volume is written on both sides. What must hold all the same:
 *
 * 1. The log of each half is one line; when they meet exactly one gives way, and what it had decided is kept (`checkers/lines.ts`).
 * 2. The group runs on two nodes only while both are halves, by what their disks say.
 * 3. No term is granted to two nodes, and nobody serves one that was not granted to him.
 * 4. Clients of one term see one disk; and every acknowledged write is, in the end, on the volume, or a split brain was reported and it is in an image of a rescue
 *    journal (`checkers/kept.ts`).
 * 5. When everything is healed there is one log, one owner and a whole volume again, once an operator, or the volume's policy, has said whose data goes on.
 */
import { assert, MIB } from '@eterne/base';
import { soloRecordPath } from '@eterne/cluster/node/layout.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState, VolumeSpec } from '@eterne/cluster/state/model.ts';
import type { BlockDevice } from '@eterne/runtime';
import { AuthorityChecker } from '../../checkers/authority.ts';
import { TermsChecker } from '../../checkers/terms.ts';
import { History } from '../../checkers/history.ts';
import { findDifference } from '../../checkers/identical.ts';
import { exportImages } from '../../checkers/images.ts';
import { KeptChecker, type Medium } from '../../checkers/kept.ts';
import { LinesChecker } from '../../checkers/lines.ts';
import { OwnershipChecker } from '../../checkers/ownership.ts';
import type { FaultPlan } from '../../faults/plan.ts';
import { pickShape } from '../../mirror/shape.ts';
import type { WorkloadShape } from '../../mirror/workload.ts';
import { isFull, resultOf, type SeedResult } from '../../run/result.ts';
import { pickActions } from '../../standalone/actions.ts';
import { RescueWatch } from '../../standalone/rescue-watch.ts';
import { SECTOR_BYTES } from '../../world/page.ts';
import type { SimProcess } from '../../world/process.ts';
import type { Prng } from '../../world/prng.ts';
import { Universe } from '../../world/universe.ts';
import { Hands } from '../hands.ts';
import { Ledger } from '../ledger.ts';
import { type Joining, Machine, type MachineEvents } from '../machine.ts';
import { Members } from '../members.ts';
import { DATA_PATH, DIR, GROUP, memberSpecOf, PAIR, type Place, RAFT_LOG_PATH, VOLUME } from '../places.ts';
import { groupSpecOf, joiningEntry, volumeSpecOf } from '../specs.ts';
import { PairOperator, type Site } from './operator.ts';

const SET_UP_MS = 12_000;
const SAFETY_MS = 60_000;
const SAFETY_MAX_MS = 400_000;
/** An operator may have to stop the group, and a copy to run. */
const LIVENESS_MS = 90_000;
const SETTLE_MS = 5_000;
const WATCH_MS = 30;
const READ_CHANCE = 0.05;
const CUT_EVERY_MS = [4_000, 18_000] as const;
const CUT_MS = [800, 9_000] as const;
const ONE_WAY_CHANCE = 0.25;
/** A node that has to give way is killed, or loses its power, on the way so often, within so long. */
const CRASH_CHANCE = 0.5;
const CRASH_WITHIN_MS = 2_500;
const BY_HAND_CHANCE = 0.66;
const RESCUE = { path: null, maxBytes: 1024 * MIB, whenFull: 'pause' } as const;

export function runHalves(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new HalvesScenario(seed, options.keepLines, false);
  scenario.run();
  return scenario.result();
}

/** Others come to the pair, and leave it: while they are there it is none, and nobody goes on alone. */
export function runHalvesAndMembers(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new HalvesScenario(seed, options.keepLines, true);
  scenario.run();
  return scenario.result();
}

class HalvesScenario {
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly machines: Machine[] = [];
  private readonly members: Members | undefined;
  private readonly history = new History((flush, change) => flush.term === change.term);
  private readonly kept = new KeptChecker(this.history);
  private readonly rescue: RescueWatch;
  private readonly hands: Hands;
  private readonly lines: LinesChecker;
  private readonly terms: TermsChecker;
  private readonly ownership: OwnershipChecker;
  private readonly authority: AuthorityChecker;
  private readonly operator: PairOperator;
  private readonly faults: FaultPlan;
  private readonly shape: WorkloadShape;
  private readonly volume: VolumeSpec;
  private readonly sessions = new Map<BlockDevice, number>();
  private readonly ledgers = new Set<Ledger>();
  /** Halves whose giving way was disturbed, or spared. */
  private readonly disturbed = new Set<string>();
  private splitBrains = 0;
  private clientsStopped = false;
  /** The faults are over. */
  private isCalm = false;

  constructor(seed: number, keepLines: boolean, isJoined: boolean) {
    this.universe = new Universe(seed, { keepLines });
    const { universe } = this;
    this.chance = universe.prng('scenario');
    const sizeBytes = this.chance.pick([2 * MIB, 9 * MIB + 4096] as const);
    this.shape = pickShape(this.chance, sizeBytes / SECTOR_BYTES);
    const plain = volumeSpecOf(PAIR, sizeBytes, this.chance.pick(['full', 'none'] as const));
    const settings = { ...plain.settings, splitBrain: pickActions(this.chance, BY_HAND_CHANCE) };
    this.volume = { ...plain, settings, rescueJournal: RESCUE };
    this.hands = new Hands(universe, this.machines, (machine) => this.members?.isMember(machine) ?? true);
    this.lines = new LinesChecker(universe, { record: soloRecordPath(DIR), log: RAFT_LOG_PATH });
    this.terms = new TermsChecker(universe);
    this.ownership = new OwnershipChecker(universe, GROUP, () => this.alone.length === PAIR.length);
    this.authority = new AuthorityChecker(universe);
    this.rescue = new RescueWatch(
      universe,
      (name) => this.hands.machineOf(name).disk?.volumes.get(VOLUME),
      (name) => this.kept.setAside(name),
    );
    this.operator = new PairOperator(universe, {
      state: () => this.agreedState(),
      sites: () => this.sites(),
      submit: (command, applied) => this.hands.submit(command, applied),
    });
    this.members = isJoined ? this.comingAndGoing() : undefined;
    if (this.members === undefined) for (const place of PAIR) this.addMachine(place);
    this.faults = this.hands.faultPlan(() => PAIR);
  }

  run(): void {
    const { universe } = this;
    for (const machine of this.machines) machine.install();
    if (this.members) this.members.begin();
    else this.hands.setUp((state) => this.nextEntry(state));
    this.watch();
    universe.runUntil(SET_UP_MS);
    this.operator.start();
    this.faults.start();
    this.members?.disturb();
    this.cutTheCable(universe.prng('cable'));
    universe.runUntil(SAFETY_MS);
    while (!isFull(this.result()) && universe.nowMs < SAFETY_MAX_MS && universe.violation === undefined)
      universe.runUntil(universe.nowMs + 1_000);
    this.faults.stop();
    this.isCalm = true;
    this.members?.end();
    this.hands.awaitWhole(() => this.defects(), LIVENESS_MS);
    this.clientsStopped = true;
    for (const { workload } of this.ledgers) workload?.stop();
    this.checkEnd();
    this.tally();
  }

  result(): SeedResult {
    return resultOf(this.universe, this.history, this.faults.counts, this.sessions.size);
  }

  private tally(): void {
    const { universe, operator, lines } = this;
    for (let i = 0; i < lines.endings; i += 1) universe.count('halves that gave way');
    for (let i = 0; i < operator.resolved; i += 1) universe.count('split brains ended by the operator');
    for (let i = 0; i < operator.against; i += 1) universe.count('… for the data that gave way');
  }

  /** By their operator's eyes nothing is decided while a node is alone: it may be put back. */
  private comingAndGoing(): Members {
    return new Members(this.universe, {
      machines: this.machines,
      tieDisk: undefined,
      volume: () => this.volume,
      addMachine: (place, joining) => this.addMachine(place, joining),
      submit: (command) => this.hands.submit(command),
      newestState: () => this.agreedState(),
      cutOff: ({ node }) => this.faults.cutOff(node, [true, true]),
    });
  }

  private agreedState(): ClusterState | undefined {
    return this.alone.length > 0 ? undefined : this.hands.newestState();
  }

  private addMachine(place: Place, joining?: Joining): Machine {
    const name = isThird(place) ? `${place.name}-${place.life}` : place.name;
    const node = this.universe.addNode(name, [place.host]);
    const events: MachineEvents = {
      applied: (_machine, index, command, state) => {
        this.lines.applied(node.name, index, command, state);
        this.terms.applied(state);
        this.members?.applied(machine);
      },
      stopped: (_machine, error) => this.universe.violate('stopped', `${place.name}: ${error.message}`),
      started: (_machine, process) => this.listen(process),
      diskChanged: () => this.diskChanged(machine),
      startProgram: (process) => this.startLedger(machine, process),
    };
    const machine: Machine = new Machine(node, place, PAIR, events, 'solo', joining ? { joining } : {});
    this.machines.push(machine);
    this.lines.addNode(node);
    if (isThird(place)) return machine;
    node.onPowerLoss = () => {
      this.kept.lostPower(place.name, false);
      // What has not been overwritten yet is not in the image either.
      if (this.rescue.isSettingAside(place.name)) this.kept.setAside(place.name);
      this.rescue.lostPower(place.name);
    };
    const data = node.disk(DATA_PATH);
    data.onBeforeChange = () => this.rescue.look(place.name, data);
    return machine;
  }

  private listen(process: SimProcess): void {
    const { node } = process;
    process.onLog = (message) => {
      if (message.includes('its log is put back')) this.lines.gaveWay(node.name);
      if (process.name !== 'disk') return;
      if (message.includes('split brain')) this.splitBrains += 1;
      this.rescue.heard(node.name, message, node.disk(DATA_PATH));
    };
  }

  private startLedger(machine: Machine, process: SimProcess): void {
    this.ownership.began(process);
    this.members?.began(machine, process);
    const ledger = new Ledger(process, {
      volume: VOLUME,
      disk: () => machine.disk,
      history: this.history,
      witness: {
        changed: () => undefined,
        flushed: (changes) => {
          const [first] = changes;
          if (first !== undefined) this.kept.covered(first.term, changes);
        },
      },
      shape: this.shape,
      mayWork: () => !this.clientsStopped,
      termOf: (device) => this.sessionOf(machine, device),
    });
    this.ledgers.add(ledger);
    process.onDeath(() => this.ledgers.delete(ledger));
  }

  /** Which nodes go on alone, by what their disks say. */
  private get alone(): readonly string[] {
    return this.pair.map(({ node }) => node.name).filter((name) => this.lines.halfOf(name) !== undefined);
  }

  private get pair(): readonly Machine[] {
    return this.machines.filter(({ place }) => !isThird(place));
  }

  private nextEntry(state: ClusterState): Command | undefined {
    const joining = joiningEntry(state, PAIR, (place) => memberSpecOf(place));
    if (joining !== undefined) return joining;
    if (state.groups[GROUP] !== undefined) return undefined;
    const { config, revision } = state;
    const tieBreaker = { kind: 'none' } as const;
    return {
      kind: 'configure',
      changes: [
        { kind: 'cluster', config: { ...config, tieBreaker, prefer: 'availability' } },
        { kind: 'volume-put', spec: this.volume },
        { kind: 'group-put', spec: groupSpecOf(PAIR) },
      ],
      revision,
      atMs: 0,
    };
  }

  private watch(): void {
    this.universe.scheduler.after(WATCH_MS, () => {
      this.watch();
      for (const machine of this.machines) {
        this.watchLeader(machine);
        this.watchTerm(machine);
        if (this.chance.chance(READ_CHANCE))
          this.hands.readAt(machine, () => this.lines.beginRead(machine.node.name));
        this.disturb(machine);
      }
    });
  }

  /** What a half has a majority with is nobody else's. */
  private watchLeader(machine: Machine): void {
    const { node, log } = machine;
    const process = machine.process('service');
    if (process === undefined || log === undefined) return;
    const known = log.leadership();
    const isHalf = this.lines.halfOf(node.name) !== undefined;
    const seen = isHalf ? { ...known, authorityUntilBootMs: Number.NEGATIVE_INFINITY } : known;
    this.authority.saw(node.name, seen, process.world.clock.bootMs());
    if (known.isLeader && !isHalf) this.members?.leads(machine, known.raftTerm);
  }

  /** Whoever has to give way is disturbed at any moment of that, once. */
  private disturb(machine: Machine): void {
    const parted = machine.tieSeen?.solo?.parted;
    const half = parted?.survivor === 'theirs' ? parted.mine?.id : undefined;
    if (half === undefined || this.disturbed.has(half)) return;
    this.disturbed.add(half);
    if (this.isCalm || !this.chance.chance(CRASH_CHANCE)) return;
    const { scheduler, trace } = this.universe;
    scheduler.after(this.chance.between(0, CRASH_WITHIN_MS), () => {
      trace.line('FAULT', `${machine.place.name} is disturbed while it gives way`);
      if (this.chance.chance(0.3)) machine.process('service')?.crash();
      else if (this.chance.chance(0.5)) for (const process of machine.processes) process.crash();
      else machine.node.powerOff();
      scheduler.after(this.chance.between(20, 2_000), () => {
        machine.node.powerOn();
        machine.keepAlive();
      });
    });
  }

  /** Both nodes run on, and do not hear each other, or one not the other. */
  private cutTheCable(chance: Prng): void {
    const { scheduler, network, trace } = this.universe;
    scheduler.after(chance.between(...CUT_EVERY_MS), () => {
      if (this.isCalm) return;
      this.cutTheCable(chance);
      const [first, second] = this.pair.map(({ node }) => node);
      assert(first !== undefined && second !== undefined, 'a pair is two');
      const isOneWay = chance.chance(ONE_WAY_CHANCE);
      const [from, to] = chance.chance(0.5) ? [first, second] : [second, first];
      trace.line('FAULT', `the cable is cut${isOneWay ? ` from ${from.name} to ${to.name}` : ''}`);
      network.setLink(from, to, false);
      if (!isOneWay) network.setLink(to, from, false);
      scheduler.after(chance.between(...CUT_MS), () => {
        trace.line('FAULT', 'the cable is whole');
        network.setLink(from, to, true);
        network.setLink(to, from, true);
      });
    });
  }

  private sites(): readonly Site[] {
    return this.pair.flatMap(({ place: { name }, disk }) => {
      const volume = disk?.process.alive === true ? disk.volumes.get(VOLUME) : undefined;
      if (disk === undefined || volume === undefined || disk.process.paused) return [];
      return [{ name, process: disk.process, volume, status: volume.status() }];
    });
  }

  private diskChanged(machine: Machine): void {
    this.watchTerm(machine);
    const device = machine.disk?.volumes.get(VOLUME)?.device;
    if (device !== undefined) this.sessionOf(machine, device);
    this.judgeDoubts();
  }

  private watchTerm({ place: { name }, disk }: Machine): void {
    const standing = disk?.volumes.get(VOLUME)?.standing;
    if (standing !== undefined) this.terms.keeps(name, standing.term);
  }

  /** Number of what begins when a device is served for the first time. */
  private sessionOf({ place: { name }, node, disk }: Machine, device: BlockDevice): number {
    const known = this.sessions.get(device);
    if (known !== undefined) return known;
    const session = this.sessions.size + 1;
    this.sessions.set(device, session);
    this.universe.trace.line(name, `serves term ${device.term}: session ${session}`);
    this.kept.served(session, name, node.disk(DATA_PATH).copy());
    const term = disk?.volumes.get(VOLUME)?.standing.term;
    if (term !== undefined) this.terms.served(name, term);
    return session;
  }

  /** After power losses: who has what the other has. */
  private judgeDoubts(): void {
    for (const { name } of PAIR) {
      const other = PAIR.find((place) => place.name !== name)?.name ?? '';
      const [mine, theirs] = [this.hands.statusOf(name), this.hands.statusOf(other)];
      const link = mine?.peers[0];
      if (link?.replication === 'SyncSource') this.kept.prevails(name);
      const isEqual = link?.replication === 'Established' && theirs?.peers[0]?.replication === 'Established';
      if (isEqual && theirs?.role === 'primary') this.kept.isEqual(name, other);
    }
  }

  private defects(): string[] {
    const state = this.hands.newestState();
    const group = state?.groups[GROUP];
    const volume = state?.volumes[VOLUME];
    if (group === undefined || volume === undefined) return ['there is no group'];
    const defects = this.alone.map((name) => `${name} is alone`);
    if (state?.alone != null) defects.push('the log says that somebody is alone');
    if (this.members && state) defects.push(...this.members.defects(state));
    if (group.phase !== 'online' || group.desired !== 'started')
      defects.push(`the group is ${group.phase} on ${group.owner}: ${group.reason}`);
    if (this.ownership.running.length !== 1)
      defects.push(`${this.ownership.running.length} applications run`);
    if (volume.inSyncSet.members.length < PAIR.length)
      defects.push(`the set is {${volume.inSyncSet.members.join()}}`);
    for (const { name } of PAIR) {
      const status = this.hands.statusOf(name);
      if (status?.disk !== 'UpToDate') defects.push(`${name} is ${status?.disk}`);
      if (status?.frozen === true) defects.push(`${name} is frozen: ${status.freezeReason}`);
      for (const { replication, dirtyBytes, splitBrain } of status?.peers ?? [])
        if (replication !== 'Established' || dirtyBytes > 0 || splitBrain)
          defects.push(`${name}: ${replication}, ${dirtyBytes} dirty, split brain ${splitBrain}`);
    }
    return defects;
  }

  private checkEnd(): void {
    const { universe } = this;
    if (universe.violation !== undefined) return;
    universe.runUntil(universe.nowMs + SETTLE_MS);
    if ([...this.ledgers].some(({ workload }) => workload?.idle !== true))
      return universe.violate('liveness', 'operations never return');
    this.lines.checkEnd();
    const [a, b] = this.pair.map(({ node }) => node.disk(DATA_PATH));
    assert(a !== undefined && b !== undefined, 'two nodes');
    const difference = findDifference(a, b);
    if (difference !== undefined) universe.violate('identical', difference);
    const disorder = this.kept.findDisorder();
    if (disorder !== undefined) universe.violate('linearizable', disorder);
    this.checkKept(a.copy());
  }

  private checkKept(pages: Medium['pages']): void {
    const { universe } = this;
    const volume = { name: 'the volume', pages };
    const keepers = this.sites().map(({ process, volume: replica }) => ({ process, volume: replica }));
    const lost = this.kept.findLost([volume, ...exportImages(universe, keepers, this.rescue)], true);
    if (lost !== undefined && !this.rescue.hasSaidSo) universe.violate('kept', lost);
    const gone = this.splitBrains === 0 ? this.kept.findLost([volume], false) : undefined;
    if (gone !== undefined) universe.violate('kept', `no split brain was reported, but ${gone}`);
  }
}

/** It carries nothing of the volume. */
function isThird({ name }: Place): boolean {
  return !PAIR.some((place) => place.name === name);
}
