/**
 * An operator who changes who belongs to the cluster, again and again: machines join, begin to vote and leave, are removed while they are off, cut off or well, and are
 * replaced under their names; the log of one rots. What was removed comes back with the identity and the disks that it had. A pair has a tie-breaker, a disk or the proof
 * that the other was switched off, which gives way to a third voter. Commands cross each other and all faults; many are refused, which is an answer. Promises:
 *
 * 1. There are never two majorities with nobody in common (`checkers/majorities.ts`).
 * 2. Whoever was removed starts nothing, and no read that it answers is stale.
 * 3. When the faults are over the cluster becomes what was asked for last: members, voters, tie-breaker, replicas.
 */
import { isDeepStrictEqual } from 'node:util';
import type { EterneError } from '@eterne/base';
import { tieRecordPath } from '@eterne/cluster/node/layout.ts';
import type { MemberChange, Members as LogMembers } from '@eterne/cluster/raft/members.ts';
import { TIE_AREA_BYTES } from '@eterne/cluster/raft/tie/block.ts';
import { isTie, tieKindOf } from '@eterne/cluster/raft/tie/tie-id.ts';
import type { MemberId } from '@eterne/cluster/raft/types.ts';
import type { Command, ConfigChange } from '@eterne/cluster/state/commands.ts';
import type { ClusterConfig, ClusterState, VolumeSpec } from '@eterne/cluster/state/model.ts';
import { MajoritiesChecker } from '../checkers/majorities.ts';
import type { SimProcess } from '../world/process.ts';
import type { Prng } from '../world/prng.ts';
import type { SimSharedDisk } from '../world/shared-disk.ts';
import type { Universe } from '../world/universe.ts';
import { Ambush } from './ambush.ts';
import type { Joining, Machine } from './machine.ts';
import {
  CLUSTER,
  CLUSTER_ID,
  DATA_PATH,
  DIR,
  GROUP,
  lifeOf,
  memberSpecOf,
  type Place,
  RAFT_LOG_PATH,
  TIE_PATH,
  VOLUME,
} from './places.ts';
import { fenceDeviceOf } from './power-switch.ts';
import { groupSpecOf } from './specs.ts';

const STEP_MS = [60, 500] as const;
const ASK_EVERY_MS = [1_000, 9_000] as const;
/** What had no answer is said again. */
const AGAIN_MS = 1_000;
const INSTALL_MS = [0, 2_000] as const;
/** What was removed comes back after so long. */
const RETURN_MS = [200, 15_000] as const;
/** Who was switched off in order to be removed is switched on again when that does not get on. */
const PATIENCE_MS = 12_000;
/** The logs are looked at so long after a change of the members has begun. */
const LOOK_AFTER_MS = [0, 5, 20, 100, 500, 2_000] as const;
/** A machine that was stopped as a whole and continues gets so long to notice what has become of it. */
const AWAKENING_MS = 150;
const NODES_MAX = 4;
const CARRIERS = 2;
const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;
const PARTNERS = ['n1', 'n2'] as const;
const WITNESS = 'w';
const NEVER_STARTS = 0.1;
const IMPATIENT = 0.1;
const HAVE_SWITCHES = 0.2;
const FENCE_DELAY_MS = 2_000;
const RETURNS = 0.8;
/** The header of a log file, and of its first batch, is before this. */
const ROT_AT = 60;

type How = 'off' | 'cut' | 'well' | 'ruined';

interface Leaving {
  readonly machine: Machine;
  readonly how: How;
  readonly sinceMs: number;
  /** What was done to it in order to remove it is taken back. */
  readonly heal: () => void;
}

export interface Estate {
  readonly machines: readonly Machine[];
  /** Undefined: they share none, each prefers availability, and the first two stay. */
  readonly tieDisk: SimSharedDisk | undefined;
  readonly volume: (carriers: readonly Place[]) => VolumeSpec;
  /** A blank machine. */
  addMachine(place: Place, joining: Joining): Machine;
  submit(command: Command): void;
  newestState(): ClusterState | undefined;
  /** Returns what ends it. */
  cutOff(machine: Machine): () => void;
}

export class Members {
  private readonly universe: Universe;
  private readonly estate: Estate;
  private readonly chance: Prng;
  private readonly majorities: MajoritiesChecker;
  private readonly ambush: Ambush;
  /** Of few, that are two now and three then, the third voter comes in the place of a tie-breaker more often. */
  private readonly nodesMax: number;
  private readonly tieBreaker: ClusterConfig['tieBreaker'];
  /** Every machine can be switched off by the others. */
  readonly hasSwitches: boolean;
  /** The first two prefer availability. They stay, with all that either of them has decided and written alone; others come and go. */
  private readonly arePartners: boolean;
  private seen: ClusterState | undefined;
  private volume: VolumeSpec | undefined;
  private edition: ClusterConfig['edition'] = 'ha';
  /** Who is to be a member. */
  private asked: Machine[] = [];
  private carrying: Machine[] = [];
  private leaving: Leaving | undefined;
  /** Comes, and another leaves for it. */
  private exchanging: Machine | undefined;
  /** What was done to them in order to remove them is taken back by the function. */
  private readonly removed = new Map<Machine, () => void>();
  /** Told who the others are. */
  private readonly installed = new Set<Machine>();
  /** Admitted, and never started. */
  private readonly forgotten = new Set<Machine>();
  private readonly ruined = new Set<Machine>();
  /** What they have of the log they got. */
  private readonly listening = new Set<Machine>();
  private isDisturbed = false;
  private lives = 0;
  private given: { readonly text: string; readonly atMs: number } | undefined;
  private isCalm = false;

  constructor(universe: Universe, estate: Estate) {
    this.universe = universe;
    this.estate = estate;
    this.chance = universe.prng('members');
    this.majorities = new MajoritiesChecker(
      universe,
      { log: RAFT_LOG_PATH, proof: tieRecordPath(DIR) },
      estate.tieDisk,
    );
    this.ambush = new Ambush(universe, estate.machines);
    this.nodesMax = this.ambush.isLaid ? universe.prng('size').pick([NODES_MAX - 1, NODES_MAX]) : NODES_MAX;
    const tieBreaker = this.chance.weighted([
      [4, { kind: 'disk', device: TIE_PATH, ping: [] }],
      [1, { kind: 'none' }],
      [1, { kind: 'witness' }],
    ] as const);
    this.arePartners = estate.tieDisk === undefined;
    this.hasSwitches = !this.arePartners && universe.prng('switches').chance(HAVE_SWITCHES);
    if (this.arePartners) this.tieBreaker = { kind: 'none' };
    else if (this.hasSwitches) this.tieBreaker = { kind: 'fencing', delayMs: FENCE_DELAY_MS, ping: [] };
    else this.tieBreaker = tieBreaker;
  }

  /** The founder, and whoever joins before the first fault. */
  begin(): void {
    const begun: readonly string[] = this.chance.weighted<readonly string[]>([
      [3, PARTNERS],
      [2, ['n1', 'n2', WITNESS]],
      [2, ['n1', 'n2', 'n3']],
    ] as const);
    // Then the third voter is yet to come, in the place of a tie-breaker.
    const names = this.arePartners || this.ambush.isLaid ? PARTNERS : begun;
    for (const name of names) this.join(name);
    for (const machine of this.asked.slice(0, 1)) machine.install([machine.place]);
    this.goOn();
  }

  /** From now on the operator changes his mind. */
  disturb(): void {
    this.isDisturbed = true;
    this.universe.scheduler.after(this.chance.between(...ASK_EVERY_MS), () => {
      if (this.isCalm) return;
      this.disturb();
      const state = this.newestState();
      if (state?.groups[GROUP] !== undefined) this.change();
    });
  }

  /** What was asked for last is to become true; whoever was removed is on. */
  end(): void {
    this.isCalm = true;
    this.ambush.end();
    this.leaving?.heal();
    for (const machine of this.forgotten) this.dismiss(machine);
    for (const [machine, heal] of this.removed) {
      heal();
      this.comeBack(machine);
    }
  }

  isMember(machine: Machine): boolean {
    return this.asked.includes(machine) || this.leaving?.machine === machine;
  }

  carriers(): readonly Place[] {
    return this.carrying.map(({ place }) => place);
  }

  leads(machine: Machine, term: number): void {
    this.majorities.leads(machine.node.name, term);
  }

  /** It has an entry of the log. */
  applied(machine: Machine): void {
    if (this.listening.has(machine)) return;
    this.listening.add(machine);
    if (!this.isDisturbed || this.isCalm) return;
    const leader = this.leader();
    if (machine === this.exchanging) this.universe.scheduler.after(0, () => this.takeOutFor(machine));
    else if (leader !== undefined) this.ambush.listens(machine, leader);
  }

  /** Promise 2. */
  began(machine: Machine, process: SimProcess): void {
    const awokeMs = Math.max(...machine.processes.map(({ continuedMs }) => continuedMs));
    if (this.removed.has(machine) && this.universe.nowMs - awokeMs > AWAKENING_MS)
      this.universe.violate('removed', `${process.label} begins on a machine that was removed`);
  }

  defects(state: ClusterState): string[] {
    const owed = [...this.owed(state)].map(({ kind }) => `${kind} is owed`);
    const silent = this.asked
      .filter(({ place }) => state.members[place.name]?.presence !== 'online')
      .map(({ place }) => `${place.name} is ${state.members[place.name]?.presence}`);
    return [...owed, ...silent, ...this.voterDefects()];
  }

  private voterDefects(): string[] {
    const leader = this.leader();
    if (leader?.log === undefined) return ['nobody leads'];
    const members = leader.log.members();
    const isPair = this.asked.length === 2;
    const none = this.arePartners ? 'solo' : 'proof';
    const kinds = { disk: 'disk', none, fencing: 'proof', witness: undefined } as const;
    const tie = isPair ? kinds[this.tieBreaker.kind] : undefined;
    const wanted = [...this.asked.map(({ member }) => member), ...(tie === undefined ? [] : [tie])];
    const voters = members.map(({ id, role }) => {
      const name = isTie(id) ? tieKindOf(id) : id;
      return role === 'voter' ? name : `${role} ${name}`;
    });
    if (isDeepStrictEqual(voters.toSorted(), wanted.toSorted())) return [];
    return [`the log’s members are ${voters.join()} instead of ${wanted.join()}`];
  }

  private leader(): Machine | undefined {
    return this.asked.find((machine) => machine.log?.leadership().isLeader === true);
  }

  /** What was applied anywhere was decided for good, also where nobody is left who has applied it. */
  private newestState(): ClusterState | undefined {
    const present = this.estate.newestState();
    if (present !== undefined && present.eventId >= (this.seen?.eventId ?? 0)) this.seen = present;
    return this.seen;
  }

  private goOn(): void {
    this.universe.scheduler.after(this.chance.between(...STEP_MS), () => {
      this.goOn();
      const state = this.newestState();
      if (state === undefined) return;
      this.follow(state);
      const command = this.chance.pick([...this.owed(state)]);
      if (command !== undefined) this.give(command);
    });
  }

  private give(command: Command): void {
    const text = JSON.stringify(command);
    if (text === this.given?.text && this.universe.nowMs - this.given.atMs < AGAIN_MS) return;
    this.given = { text, atMs: this.universe.nowMs };
    this.universe.trace.line('operator', describe(command));
    this.estate.submit(command);
  }

  /** What has become of what was asked for. */
  private follow(state: ClusterState): void {
    for (const machine of this.asked) if (isIn(state, machine)) this.installLater(machine, state);
    this.carrying = this.carrying.filter((machine) => this.asked.includes(machine));
    const able = this.asked.filter(
      (machine) => machine.place.role === 'node' && isIn(state, machine) && !machine.isBlank,
    );
    for (const machine of able)
      if (this.carrying.length < CARRIERS && !this.carrying.includes(machine)) this.carrying.push(machine);
    const { leaving } = this;
    if (leaving === undefined) return;
    if (!isIn(state, leaving.machine)) this.left(leaving);
    else if (this.universe.nowMs - leaving.sinceMs > PATIENCE_MS) leaving.heal();
  }

  private left({ machine, heal }: Leaving): void {
    this.leaving = undefined;
    this.removed.set(machine, heal);
    const { trace, scheduler } = this.universe;
    trace.line('operator', `${machine.node.name} is removed`);
    this.universe.count('removed');
    if (!this.isCalm && !this.chance.chance(RETURNS)) return;
    scheduler.after(this.isCalm ? 0 : this.chance.between(...RETURN_MS), () => {
      trace.line('operator', `${machine.node.name} comes back as what it was`);
      heal();
      this.comeBack(machine);
    });
  }

  private comeBack(machine: Machine): void {
    machine.node.powerOn();
    machine.keepAlive();
  }

  private *owed(state: ClusterState): Generator<Command> {
    const [founder] = this.asked;
    if (state.cluster === '' && founder !== undefined) {
      const member = memberSpecOf(founder.place);
      return yield { kind: 'bootstrap', cluster: CLUSTER, clusterId: CLUSTER_ID, member, atMs: 0 };
    }
    yield* this.configOwed(state);
    yield* this.groupOwed(state);
    yield* this.membersOwed(state);
  }

  private *configOwed(state: ClusterState): Generator<Command> {
    const { config, revision } = state;
    const { tieBreaker } = this;
    if (this.asked.filter(({ place }) => place.role === 'node').length > 2) this.edition = 'cluster';
    const fencing = this.hasSwitches ? this.plugsOf(state) : config.fencing;
    const prefer: ClusterConfig['prefer'] = this.arePartners ? 'availability' : 'consistency';
    const wanted = { ...config, tieBreaker, prefer, edition: this.edition, fencing };
    if (isDeepStrictEqual(wanted, config)) return;
    yield { kind: 'configure', changes: [{ kind: 'cluster', config: wanted }], revision, atMs: 0 };
  }

  /** A machine that replaces another has a plug of its own. */
  private plugsOf(state: ClusterState): ClusterConfig['fencing'] {
    return this.estate.machines
      .filter((machine) => machine.place.role === 'node' && isIn(state, machine))
      .map(({ place, node }) => fenceDeviceOf(place.name, node.name));
  }

  /** First a replica comes, and gets everything; then the group leaves who is to go, and runs there no more; then that replica goes. */
  private *groupOwed({ groups, volumes, revision }: ClusterState): Generator<Command> {
    const places = this.carriers();
    const nodes = this.asked.filter(({ place }) => place.role === 'node').length;
    const group = groups[GROUP];
    const volume = volumes[VOLUME];
    const isWhole = places.length === Math.min(CARRIERS, nodes);
    if (places.length === 0 || (group === undefined && !isWhole)) return;
    const spec = (this.volume ??= this.estate.volume(places));
    const names = places.map(({ name }) => name);
    const present = volume?.spec.replicas.map(({ node }) => node) ?? [];
    const all = [...new Set([...present, ...names])];
    const heir = names.find((name) => volume?.inSyncSet.members.includes(name));
    const runsAt = heir === undefined ? all : names;
    const configure = (...changes: readonly ConfigChange[]): Command => ({
      kind: 'configure',
      changes,
      revision,
      atMs: 0,
    });
    const replicasAt = (at: readonly string[]): ConfigChange => {
      const replicas = at.map((node) => ({ node, device: DATA_PATH }));
      return { kind: 'volume-put', spec: { ...spec, replicas } };
    };
    const groupAt = (at: readonly string[]): ConfigChange => ({
      kind: 'group-put',
      spec: groupSpecOf(at.map((name) => ({ name }))),
    });
    if (all.length > present.length) yield configure(replicasAt(all), groupAt(all));
    else if (heir !== undefined && group?.owner && !names.includes(group.owner)) {
      const reason = 'its node is to leave the cluster';
      yield { kind: 'group-move', group: GROUP, to: heir, reason, displaces: false, atMs: 0 };
    } else if (!isSame(group?.spec.nodes ?? [], runsAt)) yield configure(groupAt(runsAt));
    else if (heir !== undefined && present.length > names.length) yield configure(replicasAt(names));
  }

  private *membersOwed(state: ClusterState): Generator<Command> {
    const { groups, volumes } = state;
    const uses = (name: string): boolean =>
      groups[GROUP]?.owner === name ||
      groups[GROUP]?.spec.nodes.includes(name) === true ||
      volumes[VOLUME]?.spec.replicas.some(({ node }) => node === name) === true;
    for (const { name, voterId } of Object.values(state.members)) {
      if (this.asked.some(({ place }) => place.name === name && lifeOf(place) === voterId)) continue;
      if (!uses(name) || (!this.isCalm && this.chance.chance(IMPATIENT)))
        yield { kind: 'member-remove', name, atMs: 0 };
    }
    for (const { place } of this.asked)
      if (state.members[place.name] === undefined)
        yield { kind: 'member-add', member: memberSpecOf(place), atMs: 0 };
  }

  private change(): void {
    this.chance.weighted([
      [this.ambush.isLaid && this.asked.length === PARTNERS.length ? 20 : 4, () => this.joinSomebody()],
      [4, () => this.dismissSomebody(this.chance.pick(['off', 'cut', 'well'] as const) ?? 'off')],
      [2, () => this.replaceSomebody(this.chance.pick(['off', 'cut', 'well'] as const) ?? 'off')],
      [1, () => this.replaceSomebody('ruined')],
      [this.ambush.isLaid ? 10 : 0, () => this.exchangeSomebody()],
    ] as const)();
  }

  /** One comes; as soon as it listens, and does not count yet, one leaves that carries nothing: the one change begins while the other goes on. */
  private exchangeSomebody(): void {
    this.exchanging = this.joinSomebody(this.nodesMax + 1);
  }

  private takeOutFor(newcomer: Machine): void {
    const isIdle = (other: Machine): boolean => other !== newcomer && !this.carrying.includes(other);
    const victim = this.dismissSomebody('well', isIdle);
    if (victim !== undefined && isIdle(victim))
      this.give({ kind: 'member-remove', name: victim.place.name, atMs: 0 });
  }

  private joinSomebody(nodesMax = this.nodesMax): Machine | undefined {
    const isTaken = (name: string): boolean =>
      [...this.asked, this.leaving?.machine].some((machine) => machine?.place.name === name);
    const nodes = this.asked.filter(({ place }) => place.role === 'node');
    const free = NAMES.filter((name) => nodes.length < nodesMax && !isTaken(name));
    const name = this.chance.pick(isTaken(WITNESS) || this.chance.chance(0.7) ? free : [WITNESS]);
    if (name === undefined) return undefined;
    const machine = this.join(name);
    if (this.chance.chance(NEVER_STARTS)) this.forgotten.add(machine);
    return machine;
  }

  /** A machine that never was anything yet, at an address that nobody has had. */
  private join(name: string): Machine {
    this.lives += 1;
    const role = name === WITNESS ? 'witness' : 'node';
    const place: Place = { name, role, host: `10.1.0.${this.lives}`, life: `life${this.lives}` };
    const isFounder = this.lives === 1;
    const machine = this.estate.addMachine(place, this.joining(isFounder));
    this.universe.trace.line('operator', `asks for ${machine.node.name}`);
    this.asked.push(machine);
    return machine;
  }

  private joining(isFounder: boolean): Joining {
    return {
      isFounder,
      changing: (machine, change, before) => this.changing(machine, change, before),
      logRefused: (machine, error) => {
        if (!this.ruined.has(machine))
          this.universe.violate(
            'stopped',
            `the log of ${machine.node.name} cannot be read: ${error.message}`,
          );
      },
      tieRefused: (_machine, error) => this.clearTie(error),
    };
  }

  /** As the error says. A tie-breaker of others is on it, who are no pair any more. */
  private clearTie(error: EterneError): void {
    this.universe.trace.line('operator', `clears what ${error.message}`);
    this.estate.tieDisk?.install(0, Buffer.alloc(TIE_AREA_BYTES));
  }

  private changing(leader: Machine, change: MemberChange, before: LogMembers): void {
    this.universe.count(`${change.kind}${isTie(change.id) ? ' of a tie-breaker' : ''}`);
    const keepers = this.estate.machines;
    for (const afterMs of LOOK_AFTER_MS)
      this.universe.scheduler.after(afterMs, () => this.majorities.look(keepers));
    if (this.isDisturbed) this.ambush.begun(change, leader, before);
  }

  /** It has been told who was a member when it became one. */
  private installLater(machine: Machine, state: ClusterState): void {
    if (this.installed.has(machine) || this.forgotten.has(machine) || !machine.isBlank) return;
    this.installed.add(machine);
    const knows = this.estate.machines.filter((other) => isIn(state, other)).map(({ place }) => place);
    this.universe.scheduler.after(this.chance.between(...INSTALL_MS), () => machine.install(knows));
  }

  private replaceSomebody(how: How): void {
    const victim = this.dismissSomebody(how);
    if (victim !== undefined) this.join(victim.place.name);
  }

  /** One at a time; of several one that `isRather`. Undefined: nobody may go. */
  private dismissSomebody(how: How, isRather = (_machine: Machine): boolean => true): Machine | undefined {
    const nodes = this.asked.filter(({ place }) => place.role === 'node');
    const others = (machine: Machine): Machine[] => nodes.filter((node) => node !== machine);
    const leavers = this.arePartners ? this.asked.slice(PARTNERS.length) : this.asked;
    const candidates = leavers.filter(
      (machine) => others(machine).some((other) => !other.isBlank) && this.mayLose(machine, how),
    );
    const rather = candidates.filter(isRather);
    const victim = this.chance.pick(rather.length > 0 ? rather : candidates);
    if (victim === undefined || this.leaving !== undefined) return undefined;
    this.universe.trace.line('operator', `removes ${victim.node.name}, ${how}`);
    this.dismiss(victim);
    if (!victim.isBlank)
      this.leaving = { machine: victim, how, sinceMs: this.universe.nowMs, heal: this.harm(victim, how) };
    return victim;
  }

  private dismiss(machine: Machine): void {
    this.asked = this.asked.filter((other) => other !== machine);
  }

  /** What cannot be taken back is done only where it is one of several voters, is not the leader, and has nothing that the others lack. */
  private mayLose(machine: Machine, how: How): boolean {
    if (how !== 'ruined') return true;
    const state = this.newestState();
    const leader = this.leader();
    const isTalking = (id: MemberId): boolean => !isTie(id) || tieKindOf(id) === 'disk';
    const voters = leader?.log?.members().filter(({ id, role }) => role === 'voter' && isTalking(id)) ?? [];
    const volume = state?.volumes[VOLUME];
    const isWhole = (name: string): boolean => volume?.inSyncSet.members.includes(name) === true;
    return (
      leader !== machine &&
      leader?.log?.leadership().quorate === true &&
      voters.length > 2 &&
      machine.disk?.isProposing !== true &&
      this.asked.every((each) => voters.some(({ id }) => id === each.member) && each.process('service')) &&
      volume?.spec.replicas.some(({ node }) => node !== machine.place.name && isWhole(node)) === true
    );
  }

  private harm(machine: Machine, how: How): () => void {
    switch (how) {
      case 'off':
        machine.node.powerOff();
        return () => this.comeBack(machine);
      case 'cut':
        return this.estate.cutOff(machine);
      case 'well':
        return () => undefined;
      case 'ruined':
        this.ruined.add(machine);
        for (const process of Array.from(machine.node.processes)) process.crash();
        machine.node.fileSystem.spoil(RAFT_LOG_PATH, ROT_AT);
        return () => undefined;
    }
  }
}

function isIn({ members }: ClusterState, { place }: Machine): boolean {
  return members[place.name]?.voterId === lifeOf(place);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return isDeepStrictEqual(one.toSorted(), other.toSorted());
}

function describe(command: Command): string {
  if (command.kind === 'member-add') return `member-add ${command.member.name} ${command.member.voterId}`;
  if (command.kind === 'member-remove') return `member-remove ${command.name}`;
  if (command.kind !== 'configure') return command.kind;
  const changes = command.changes.map((change) => {
    if (change.kind === 'volume-put')
      return `replicas at ${change.spec.replicas.map(({ node }) => node).join()}`;
    if (change.kind === 'group-put') return `group at ${change.spec.nodes.join()}`;
    return change.kind;
  });
  return `configure ${changes.join(', ')}`;
}
