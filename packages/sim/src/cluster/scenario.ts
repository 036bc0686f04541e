/**
 * Whole clusters: the real service, Raft, heart, monitor and mirror engine of every node on simulated machines, one group with a mirror and
 * an application that writes, and faults. A safety phase in which only broken invariants count, then everything is
 * healed and the group must run, its volume be whole, within `LIVENESS_MS`.
 */
import { assert, MIB } from '@eterne/base';
import { newTieArea } from '@eterne/cluster/raft/tie/block.ts';
import type { Command } from '@eterne/cluster/state/commands.ts';
import type { ClusterState, MemberSpec, Profile, VolumeSpec } from '@eterne/cluster/state/model.ts';
import type { BlockDevice } from '@eterne/runtime';
import { AgreementChecker } from '../checkers/agreement.ts';
import { AuthorityChecker } from '../checkers/authority.ts';
import { History } from '../checkers/history.ts';
import { findDifference } from '../checkers/identical.ts';
import { findDisorder } from '../checkers/linearizable.ts';
import { OwnershipChecker } from '../checkers/ownership.ts';
import { ReplicaChecker } from '../checkers/replicas.ts';
import { SetTruth } from '../checkers/set-truth.ts';
import type { FaultPlan } from '../faults/plan.ts';
import { pickShape } from '../mirror/shape.ts';
import type { WorkloadShape } from '../mirror/workload.ts';
import { isFull, resultOf, type SeedResult } from '../run/result.ts';
import type { SimNode } from '../world/node.ts';
import { SECTOR_BYTES } from '../world/page.ts';
import { part } from '../world/parting.ts';
import type { SimProcess } from '../world/process.ts';
import { Prng } from '../world/prng.ts';
import { SimSharedDisk } from '../world/shared-disk.ts';
import { Universe } from '../world/universe.ts';
import { runHalvesAndMembers } from './halves/scenario.ts';
import { Hands } from './hands.ts';
import { Ledger } from './ledger.ts';
import { type Joining, Machine, type MachineEvents, type MachineOptions, type Tie } from './machine.ts';
import { FENCE_AGENT, fenceDeviceOf, powerSwitch } from './power-switch.ts';
import { DATA_PATH, GROUP, memberSpecOf, PAIR, type Place, TIE_ID, VOLUME } from './places.ts';
import { Members } from './members.ts';
import { Orders } from './orders.ts';
import { groupSpecOf, joiningEntry, volumeSpecOf } from './specs.ts';
import { OLDER, Upgrade } from './upgrade.ts';

const SET_UP_MS = 12_000;
const SAFETY_MS = 60_000;
const SAFETY_MAX_MS = 600_000;
const LIVENESS_MS = 40_000;
/** One after another leaves and joins, and what joins is copied to. */
const MEMBERS_LIVENESS_MS = 90_000;
const SETTLE_MS = 5_000;
/** Nodes, and whether a witness votes with them. */
const SIZES: readonly (readonly [number, readonly [number, boolean]])[] = [
  [10, [2, true]],
  [6, [3, false]],
  [2, [2, false]],
  [1, [4, false]],
  [1, [4, true]],
  [1, [5, false]],
  [0.5, [7, false]],
];
/** From nine members on hearts beat slowly to who does not lead, rounds of heartbeats go to half of the members in turn, and elections are spread. */
const LARGE_SIZES: typeof SIZES = [
  [2, [9, false]],
  [1, [10, true]],
  [1, [12, false]],
];
const UPGRADED_SIZES: typeof SIZES = [
  [1, [2, true]],
  [1, [3, false]],
  [1, [3, true]],
];
const ORDERED_TIES = ['none', 'disk', 'fencing'] as const;
const COMPACT_AFTER = 30;
const PROFILE_EVERY_MS = [3_000, 25_000] as const;
/** After the change: while a longer promise is given, or kept. */
const CUT_OFF_AFTER_MS = [0, 8_000] as const;
const CUT_OFF_MS = [4_000, 16_000] as const;
const HANG_EVERY_MS = [6_000, 25_000] as const;
const HANG_MS = [2_000, 9_000] as const;
/** Below this the two could not be outvoted. */
const PARTED_PLACES_MIN = 5;
const PART_EVERY_MS = [4_000, 15_000] as const;
const PARTED_MS = [1_500, 5_000] as const;
const POWER_LOOK_MS = 1_000;
const LOSE_SIGHT = 0.4;
const LOSE_SIGHT_BEFORE_MS = 300;
const SIGHT_LOST_MS = [1_000, 5_000] as const;
const READ_MS = 30;
const READ_CHANCE = 0.05;
/** Of the clusters whose members come and go. */
const PREFER_AVAILABILITY = 0.2;

export function runCluster(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new ClusterScenario(seed, options.keepLines, pickPlaces, 'none');
  scenario.run();
  return scenario.result();
}

/** So many nodes that they do some things in another way. */
export function runLarge(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new ClusterScenario(seed, options.keepLines, pickLarge, 'none');
  scenario.run();
  return scenario.result();
}

/** Two nodes without a witness: the third vote is on a disk that both reach. */
export function runPair(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new ClusterScenario(seed, options.keepLines, () => PAIR, 'disk');
  scenario.run();
  return scenario.result();
}

/** Two nodes and a power switch for each: who has switched the other off goes on alone. Daemons hang while the application runs. */
export function runFencing(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new ClusterScenario(seed, options.keepLines, () => PAIR, 'fencing');
  scenario.run();
  return scenario.result();
}

/** Programs are exchanged one by one. */
export function runUpgrade(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new ClusterScenario(seed, options.keepLines, pickUpgraded, 'none', true);
  scenario.run();
  return scenario.result();
}

/** The cluster goes from `lan` to `wan` and back, again and again, while everything else happens to it. */
export function runProfile(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const scenario = new ClusterScenario(seed, options.keepLines, pickPlaces, 'none');
  scenario.changeProfiles();
  scenario.run();
  return scenario.result();
}

/** People give orders all the time: groups, nodes and replicas come and go, and are moved. */
export function runOrders(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  const tie = ORDERED_TIES[seed % ORDERED_TIES.length] ?? 'none';
  const choose = tie === 'none' ? pickPlaces : () => PAIR;
  const scenario = new ClusterScenario(seed, options.keepLines, choose, tie);
  scenario.giveOrders();
  scenario.run();
  return scenario.result();
}

/** Members come and go, and come back although they were removed; to a pair of which either goes on alone, too. */
export function runMembers(seed: number, options: { readonly keepLines: boolean }): SeedResult {
  if (new Prng(seed, 'alone').chance(PREFER_AVAILABILITY)) return runHalvesAndMembers(seed, options);
  const scenario = new ClusterScenario(seed, options.keepLines, () => [], 'none');
  scenario.changeMembers();
  scenario.run();
  return scenario.result();
}

class ClusterScenario {
  private readonly universe: Universe;
  private readonly chance: Prng;
  private readonly places: readonly Place[];
  private readonly tie: Tie | undefined;
  private readonly machines: Machine[] = [];
  private readonly hands: Hands;
  private readonly history = new History();
  private readonly truth = new SetTruth(this.history);
  private readonly checker: ReplicaChecker;
  private readonly ownership: OwnershipChecker;
  private readonly agreement: AgreementChecker;
  private readonly authority: AuthorityChecker;
  private readonly faults: FaultPlan;
  private readonly upgrade: Upgrade | undefined;
  private readonly sight: Prng;
  private orders: Orders | undefined;
  private members: Members | undefined;
  /** Who joins is sent a snapshot. */
  private isCompact = false;
  private readonly shape: WorkloadShape;
  private readonly sizeBytes: number;
  private readonly served = new WeakSet<BlockDevice>();
  private appliedIndex = 0;
  private profile: Profile = 'lan';
  private clientsStopped = false;
  /** The faults are over. */
  private isCalm = false;
  /** Daemons that hang. */
  private readonly hung = new Set<SimProcess>();
  private ledger: Ledger | undefined;

  constructor(
    seed: number,
    keepLines: boolean,
    choose: (chance: Prng) => readonly Place[],
    tie: 'none' | 'disk' | 'fencing',
    isUpgraded = false,
  ) {
    this.universe = new Universe(seed, { keepLines });
    this.hands = new Hands(
      this.universe,
      this.machines,
      (machine) => this.members?.isMember(machine) ?? true,
    );
    this.chance = this.universe.prng('scenario');
    this.sight = this.universe.prng('sight');
    this.places = choose(this.chance);
    this.tie = tie === 'fencing' ? 'proof' : tie === 'disk' ? this.makeTieDisk() : undefined;
    this.sizeBytes = this.chance.pick([2 * MIB, 9 * MIB + 4096] as const);
    this.shape = pickShape(this.chance, this.sizeBytes / SECTOR_BYTES);
    this.checker = new ReplicaChecker(
      this.universe,
      this.history,
      () => this.truth,
      (name) => this.hands.machineOf(name).node.disk(DATA_PATH),
    );
    this.ownership = new OwnershipChecker(this.universe, GROUP);
    this.agreement = new AgreementChecker(this.universe);
    this.authority = new AuthorityChecker(this.universe);
    this.universe.programs.set(
      FENCE_AGENT,
      powerSwitch(this.universe, {
        switchedOn: (name) => this.machines.find(({ node }) => node.name === name)?.keepAlive(),
        ends: (name, inMs) => this.loseSight(name, inMs),
      }),
    );
    this.upgrade = isUpgraded ? new Upgrade(this.universe, this.machines) : undefined;
    for (const place of this.places) this.addMachine(place);
    this.faults = this.hands.faultPlan(() => this.carriers());
  }

  run(): void {
    const { universe } = this;
    for (const machine of this.machines) machine.install();
    if (this.members) this.members.begin();
    else this.hands.setUp((state) => this.nextEntry(state));
    this.readState();
    universe.runUntil(SET_UP_MS);
    this.faults.start();
    this.members?.disturb();
    this.upgrade?.begin();
    this.orders?.begin();
    if (this.hasSwitches) this.hang();
    if (this.places.length >= PARTED_PLACES_MIN) this.part(this.universe.prng('part'));
    universe.runUntil(SAFETY_MS);
    while (!isFull(this.result()) && universe.nowMs < SAFETY_MAX_MS && universe.violation === undefined)
      universe.runUntil(universe.nowMs + 1_000);
    this.faults.stop();
    this.isCalm = true;
    if (this.hasSwitches) this.lookAfterPower();
    this.upgrade?.end();
    this.orders?.end();
    this.members?.end();
    this.hands.awaitWhole(() => this.defects(), this.members ? MEMBERS_LIVENESS_MS : LIVENESS_MS);
    this.clientsStopped = true;
    this.ledger?.workload?.stop();
    this.checkEnd();
  }

  giveOrders(): void {
    const plan = { group: groupSpecOf(this.carriers()), volume: this.volumeSpec() };
    this.orders = new Orders(this.universe, this.machines, plan, this.hands);
  }

  changeMembers(): void {
    const tieDisk = new SimSharedDisk(this.universe);
    this.isCompact = this.chance.chance(0.5);
    const initialSync = this.chance.pick(['full', 'none'] as const);
    this.members = new Members(this.universe, {
      machines: this.machines,
      tieDisk,
      volume: (carriers) => volumeSpecOf(carriers, this.sizeBytes, initialSync),
      addMachine: (place, joining) => this.addMachine(place, { tie: tieDisk, joining }),
      submit: (command) => this.hands.submit(command),
      newestState: () => this.hands.newestState(),
      cutOff: ({ node }) => this.faults.cutOff(node, [true, true]),
    });
  }

  changeProfiles(): void {
    this.universe.scheduler.after(this.chance.between(...PROFILE_EVERY_MS), () => {
      if (this.isCalm) return;
      this.changeProfiles();
      const state = this.hands.newestState();
      if (state?.groups[GROUP] === undefined) return;
      const { config, revision } = state;
      const profile = config.profile === 'lan' ? 'wan' : 'lan';
      const changes = [{ kind: 'cluster' as const, config: { ...config, profile } as const }];
      this.universe.trace.line('operator', `asks for profile ${profile}`);
      this.hands.submit({ kind: 'configure', changes, revision, atMs: 0 });
      this.universe.scheduler.after(this.chance.between(...CUT_OFF_AFTER_MS), () => this.cutOffSomebody());
    });
  }

  /** Who leads, or who owns the group. */
  private cutOffSomebody(): void {
    const leader = this.machines.find((machine) => machine.log?.leadership().isLeader === true);
    const owner = this.hands.newestState()?.groups[GROUP]?.owner ?? null;
    const victim = this.chance.chance(0.5) || owner === null ? leader : this.hands.machineOf(owner);
    if (this.isCalm || victim === undefined) return;
    const heal = this.faults.cutOff(victim.node, [true, true]);
    this.universe.scheduler.after(this.chance.between(...CUT_OFF_MS), heal);
  }

  /** Every machine can be switched off by the others. */
  private get hasSwitches(): boolean {
    return this.tie === 'proof' || this.members?.hasSwitches === true;
  }

  result(): SeedResult {
    return resultOf(this.universe, this.history, this.faults.counts, this.truth.committed.term);
  }

  private makeTieDisk(): SimSharedDisk {
    const disk = new SimSharedDisk(this.universe);
    const [first, second] = this.places;
    assert(first !== undefined && second !== undefined, 'a pair is two');
    disk.install(0, newTieArea(TIE_ID, [first.name, second.name]));
    return disk;
  }

  private addMachine(
    place: Place,
    { tie = this.tie, joining }: { readonly tie?: Tie | undefined; readonly joining?: Joining } = {},
  ): Machine {
    const node = this.universe.addNode(joining ? `${place.name}-${place.life}` : place.name, [place.host]);
    /** No other machine has that name now. */
    const isPresent = (): boolean => !machine.isBlank && this.hands.machineOf(place.name) === machine;
    const events: MachineEvents = {
      applied: ({ place: { name } }, index, command, state) => {
        this.agreement.applied(name, index, command, state);
        this.upgrade?.applied(machine, command, state);
        this.members?.applied(machine);
        this.applied(index, state);
      },
      stopped: (_machine, error) => {
        if (this.upgrade) this.upgrade.stopped(machine, error);
        else this.universe.violate('stopped', `${place.name}: ${error.message}`);
      },
      diskChanged: () => this.diskChanged(machine),
      startProgram: (process) => {
        this.ownership.began(process);
        this.members?.began(machine, process);
        this.ledger = new Ledger(process, {
          volume: VOLUME,
          disk: () => machine.disk,
          history: this.history,
          witness: this.checker,
          shape: this.shape,
          mayWork: () => !this.clientsStopped,
        });
      },
    };
    const options: MachineOptions = {
      ...(this.upgrade || this.isCompact ? { compactAfterEntries: COMPACT_AFTER } : {}),
      ...(joining ? { joining } : {}),
    };
    const machine: Machine = new Machine(node, place, this.places, events, tie, options);
    if (this.upgrade) machine.levels = OLDER;
    this.machines.push(machine);
    if (place.role === 'witness') return machine;
    node.onPowerLoss = () => {
      if (isPresent()) this.truth.lostPower(place.name);
    };
    node.disk(DATA_PATH).onChange = (offset, lengthBytes) => {
      if (isPresent()) this.checker.landed(place.name, offset, lengthBytes);
    };
    return machine;
  }

  /** Somebody asks a node, now and then, for the agreed state as it is; and each that leads, when several believe they do. */
  private readState(): void {
    this.universe.scheduler.after(READ_MS, () => {
      this.watchLeaders();
      const leaders = this.machines.filter((machine) => machine.log?.leadership().isLeader === true);
      const asked =
        leaders.length > 1 ? leaders : this.machines.filter(() => this.chance.chance(READ_CHANCE));
      for (const machine of asked)
        this.hands.readAt(machine, () => this.agreement.beginRead(machine.place.name));
      this.readState();
    });
  }

  private watchLeaders(): void {
    for (const machine of this.machines) {
      const process = machine.process('service');
      if (process === undefined || machine.log === undefined) continue;
      const leadership = machine.log.leadership();
      this.authority.saw(machine.node.name, leadership, process.world.clock.bootMs());
      if (leadership.isLeader) this.members?.leads(machine, leadership.raftTerm);
    }
  }

  private nextEntry(state: ClusterState): Command | undefined {
    const joining = joiningEntry(state, this.places, (place) => this.memberSpec(place));
    if (joining !== undefined) return joining;
    if (state.groups[GROUP] !== undefined) return undefined;
    if (this.tie === 'proof' && state.config.fencing.length === 0) return this.fencingEntry(state);
    return {
      kind: 'configure',
      changes: [
        { kind: 'volume-put', spec: this.orders?.plan.volume ?? this.volumeSpec() },
        { kind: 'group-put', spec: groupSpecOf(this.carriers()) },
      ],
      revision: state.revision,
      atMs: 0,
    };
  }

  private memberSpec(place: Place): MemberSpec {
    return memberSpecOf(place, this.hands.machineOf(place.name).levels.program);
  }

  private fencingEntry({ config, revision }: ClusterState): Command {
    const fencing = this.places.map(({ name }) => fenceDeviceOf(name, name));
    const tieBreaker = { kind: 'fencing', delayMs: 2_000, ping: [] } as const;
    const changes = [{ kind: 'cluster' as const, config: { ...config, tieBreaker, fencing } }];
    return { kind: 'configure', changes, revision, atMs: 0 };
  }

  /** The kernel of the owner lives, and its application; every daemon hangs. Somebody switches on again what was left switched off. */
  private hang(): void {
    this.universe.scheduler.after(this.chance.between(...HANG_EVERY_MS), () => {
      if (this.isCalm) return;
      this.hang();
      const owner = this.hands.newestState()?.groups[GROUP]?.owner ?? undefined;
      const hanging = owner === undefined ? [] : this.hands.machineOf(owner).processes;
      for (const process of hanging) {
        process.pause();
        this.hung.add(process);
      }
      this.universe.scheduler.after(this.chance.between(...HANG_MS), () => this.endHang());
    });
  }

  /**
   * Leader and owner hear each other, and not the others, or not one of them: the one may not lease, nor the others elect, more than what the owner
   * can be certain of.
   */
  private part(chance: Prng): void {
    const { scheduler, network, trace } = this.universe;
    scheduler.after(chance.between(...PART_EVERY_MS), () => {
      if (this.isCalm) return;
      this.part(chance);
      const owner = this.hands.newestState()?.groups[GROUP]?.owner;
      const pair = this.machines.filter(
        ({ place, log }) => place.name === owner || log?.leadership().isLeader === true,
      );
      const others = this.machines.filter((machine) => !pair.includes(machine));
      const one = chance.pick(others);
      const away = chance.chance(0.5) || one === undefined ? others : [one];
      const names = (machines: readonly Machine[]): string => machines.map(({ place }) => place.name).join();
      trace.line('FAULT', `${names(pair)} and ${names(away)} do not hear each other`);
      const nodes = (machines: readonly Machine[]): SimNode[] => machines.map(({ node }) => node);
      const heal = part(network, nodes(pair), nodes(away));
      scheduler.after(chance.between(...PARTED_MS), () => {
        trace.line('FAULT', `${names(pair)} and ${names(away)} hear each other`);
        heal();
      });
    });
  }

  /**
   * Who has been switched on is there again, runs what it is given, and is lost once more just before whoever switched it off hears that this is over: what
   * that proves must not be held against the new life.
   */
  private loseSight(name: string, inMs: number): void {
    const { scheduler, network, trace } = this.universe;
    if (this.isCalm || !this.sight.chance(LOSE_SIGHT)) return;
    scheduler.after(Math.max(0, inMs - LOSE_SIGHT_BEFORE_MS), () => {
      if (this.isCalm) return;
      const nodes = this.machines.map(({ node }) => node);
      const isOn = (node: SimNode): boolean => node.name === name;
      trace.line('FAULT', `${name} and the others do not hear each other`);
      const heal = part(
        network,
        nodes.filter(isOn),
        nodes.filter((node) => !isOn(node)),
      );
      scheduler.after(this.sight.between(...SIGHT_LOST_MS), () => {
        trace.line('FAULT', `${name} and the others hear each other`);
        heal();
      });
    });
  }

  /** What a fence that was under way at the end of the faults has switched off, and could not switch on again, somebody switches on. */
  private lookAfterPower(): void {
    this.endHang();
    this.universe.scheduler.after(POWER_LOOK_MS, () => this.lookAfterPower());
  }

  private endHang(): void {
    for (const process of this.hung) process.resume();
    this.hung.clear();
    for (const machine of this.machines) {
      machine.node.powerOn();
      machine.keepAlive();
    }
  }

  private volumeSpec(): VolumeSpec {
    const initialSync = this.chance.pick(['full', 'none'] as const);
    return volumeSpecOf(this.carriers(), this.sizeBytes, initialSync);
  }

  private carriers(): readonly Place[] {
    if (this.members) return this.members.carriers();
    return this.places.filter(({ role }) => role === 'node').slice(0, 2);
  }

  private applied(index: number, state: ClusterState): void {
    if (index <= this.appliedIndex) return;
    this.appliedIndex = index;
    if (state.config.profile !== this.profile)
      this.universe.trace.line('truth', `profile ${state.config.profile}`);
    this.profile = state.config.profile;
    const volume = state.volumes[VOLUME];
    if (volume === undefined) return;
    const { version, members } = volume.inSyncSet;
    const { number: term } = volume.term;
    const known = this.truth.committed;
    if (term === known.term && version === known.version && volume.primary === known.holder) return;
    const holder = volume.primary ?? (term === known.term ? known.holder : undefined);
    this.universe.trace.line('truth', `term ${term} of ${holder}, set ${version} {${members.join()}}`);
    if (this.truth.commit({ term, holder, version, members }))
      this.universe.trace.line('truth', `${holder} is promoted after a power loss`);
    this.checker.sweep('at a commit an acknowledged write is missing');
  }

  private diskChanged(machine: Machine): void {
    const device = machine.disk?.volumes.get(VOLUME)?.device;
    if (device !== undefined && !this.served.has(device)) {
      this.served.add(device);
      this.serve(machine, device);
    }
    if (this.truth.forgive((name) => this.hands.statusOf(name)))
      this.checker.sweep('a replica is called equal, but an acknowledged write is missing');
  }

  private serve(machine: Machine, device: BlockDevice): void {
    const { universe } = this;
    const { term, holder } = this.truth.committed;
    const { name } = machine.place;
    universe.trace.line(name, `serves term ${device.term}`);
    if (device.term > term || (device.term === term && holder !== name))
      universe.violate('term', `${name} serves term ${device.term}, but term ${term} is ${holder}’s`);
    if (device.term === term) this.history.fence(term, this.truth.served(), universe.nowMs);
  }

  private defects(): string[] {
    const state = this.hands.newestState();
    const group = state?.groups[GROUP];
    const volume = state?.volumes[VOLUME];
    if (group === undefined || volume === undefined) return ['there is no group'];
    const defects = [
      ...(this.upgrade?.defects(state) ?? []),
      ...(this.orders?.defects(state) ?? []),
      ...(this.members && state ? this.members.defects(state) : []),
    ];
    if (group.phase !== 'online')
      defects.push(`the group is ${group.phase} on ${group.owner}: ${group.reason}`);
    if (this.ownership.running.length !== 1)
      defects.push(`${this.ownership.running.length} applications run`);
    if (volume.inSyncSet.members.length < this.carriers().length)
      defects.push(`the set is {${volume.inSyncSet.members.join()}}`);
    for (const { name } of this.carriers()) {
      const status = this.hands.statusOf(name);
      if (status?.disk !== 'UpToDate') defects.push(`${name} is ${status?.disk}`);
      if (status?.frozen === true) defects.push(`${name} is frozen: ${status.freezeReason}`);
      for (const peer of status?.peers ?? [])
        if (peer.connection !== 'Connected' || peer.replication !== 'Established' || peer.dirtyBytes > 0)
          defects.push(
            `${name} sees ${peer.node}: ${peer.connection}, ${peer.replication}, ${peer.dirtyBytes} dirty`,
          );
    }
    return defects;
  }

  private checkEnd(): void {
    const { universe } = this;
    if (universe.violation !== undefined) return;
    universe.runUntil(universe.nowMs + SETTLE_MS);
    // A fence that was under way when everything was well has its node start once more.
    this.hands.awaitWhole(() => this.defects(), LIVENESS_MS);
    if (universe.violation !== undefined) return;
    if (this.ledger?.workload?.openOperations !== 0)
      return universe.violate('liveness', 'operations never return');
    this.checker.sweep('at the end an acknowledged write is missing');
    const [first, ...others] = this.carriers().map(({ name }) =>
      this.hands.machineOf(name).node.disk(DATA_PATH),
    );
    assert(first !== undefined, 'there is a replica');
    for (const other of others) {
      const difference = findDifference(first, other);
      if (difference !== undefined) universe.violate('identical', difference);
    }
    const disorder = findDisorder(this.history);
    if (disorder !== undefined) universe.violate('linearizable', disorder);
  }
}

function pickUpgraded(chance: Prng): Place[] {
  return placesOf(...chance.weighted(UPGRADED_SIZES));
}

function pickLarge(chance: Prng): Place[] {
  return placesOf(...chance.weighted(LARGE_SIZES));
}

/** Mostly a pair with its witness; a pair that has none, which runs only together; up to seven nodes. */
function pickPlaces(chance: Prng): Place[] {
  return placesOf(...chance.weighted(SIZES));
}

function placesOf(nodes: number, hasWitness: boolean): Place[] {
  const places: Place[] = Array.from({ length: nodes }, (_, i) => ({
    name: `n${i + 1}`,
    role: 'node',
    host: `10.1.0.${i + 1}`,
  }));
  return hasWitness ? [...places, { name: 'w', role: 'witness', host: '10.1.0.100' }] : places;
}
