/**
 * Whole clusters of real services on fake machines in virtual time. The ordered log is one list; who leads and who reaches the majority
 * is said by the test. Checks at every millisecond that no group runs on two nodes (invariant 4).
 */
import assert from 'node:assert/strict';
import { EterneError } from '@eterne/base';
import { NO_DROPS } from '../../src/heart/drops.ts';
import type { LogLeadership, OrderedLog, PathStatus } from '../../src/ports.ts';
import { Service } from '../../src/service/service.ts';
import type { Command } from '../../src/state/commands.ts';
import type { ClusterState, GroupSpec, GroupState, MemberSpec, VolumeSpec } from '../../src/state/model.ts';
import { LEVELS, type Levels } from '../../src/state/levels.ts';
import { PLAIN_VOLUME } from '../../src/state/volume-defaults.ts';
import { NO_RULES } from '../../src/state/model.ts';
import { FakeDisk, FakeHeart, FakeMonitor } from './fake-node.ts';
import type { FakePair } from './fake-pair.ts';
import { MachineTime, VirtualTime } from './virtual-time.ts';

const COMMIT_MS = 4;
const AUTHORITY_MS = 600;
const LOST_AFTER_MS = 1000;
/** A beat over a disk is read so much later. */
const DISK_LAG_MS = 300;

/** What a node runs, when it is not this program. */
export interface Program {
  readonly levels: Levels;
  /** Throws for an entry that a program of that age could not read. */
  check(bytes: Buffer): void;
}

export interface FakeMachine {
  readonly name: string;
  readonly monitor: FakeMonitor;
  readonly heart: FakeHeart;
  readonly disk: FakeDisk;
  log: FakeLog;
  service: Service;
  startId: string;
  readonly time: MachineTime;
  /** Reaches the others, and is reached by them. */
  connected: boolean;
  /** While it is not connected: what it sends arrives all the same, or what is sent to it. */
  oneWay: 'speaks' | 'hears' | undefined;
  lastHeardMs: number;
  lastSeenMs: number;
}

export class FakeLog implements OrderedLog<Command> {
  readonly #cluster: FakeCluster;
  readonly node: string;
  applied = 0;
  authorityUntilMs = Number.NEGATIVE_INFINITY;
  #appliedListeners: ((command: Command, index: number) => void)[] = [];
  #leadershipListeners: (() => void)[] = [];
  closed = false;
  /** So many entries of this kind are answered `unknown`, and never get into the log. */
  loseAnswers = 0;
  loses: Command['kind'] = 'group-released';

  constructor(cluster: FakeCluster, node: string) {
    this.#cluster = cluster;
    this.node = node;
  }

  append(command: Command, done: Parameters<OrderedLog<Command>['append']>[1]): void {
    const { time } = this.#cluster.machine(this.node);
    time.after(COMMIT_MS, () => {
      if (this.closed) return;
      if (command.kind === this.loses && this.loseAnswers > 0) {
        this.loseAnswers -= 1;
        return done({ kind: 'unknown', error: new EterneError('no-quorum', 'no answer') });
      }
      const index = this.#cluster.commit(this.node, command);
      if (index !== undefined) return done({ kind: 'applied', index });
      time.after(300, () => {
        if (!this.closed) done({ kind: 'refused', error: new EterneError('no-quorum', 'no majority') });
      });
    });
  }

  onApplied(listener: (command: Command, index: number) => void): void {
    this.#appliedListeners.push(listener);
  }

  readBarrier(done: (error: EterneError | undefined) => void): void {
    this.#cluster.machine(this.node).time.after(COMMIT_MS, () => {
      if (this.closed) return;
      done(this.#cluster.reachesMajority(this.node) ? undefined : new EterneError('no-quorum', 'alone'));
    });
  }

  leadership(): LogLeadership {
    const { leader, raftTerm } = this.#cluster;
    const isLeader = leader === this.node;
    const reaches = this.#cluster.reachesMajority(this.node);
    if (isLeader && reaches) this.authorityUntilMs = this.#cluster.time.bootMs() + AUTHORITY_MS;
    return {
      leader: reaches ? leader : undefined,
      isLeader,
      raftTerm,
      authorityUntilBootMs: isLeader ? this.authorityUntilMs : Number.NEGATIVE_INFINITY,
      quorate: reaches,
    };
  }

  onLeadership(listener: () => void): void {
    this.#leadershipListeners.push(listener);
  }

  tellLeadership(): void {
    for (const listener of this.#leadershipListeners) listener();
  }

  catchUp(entries: readonly Buffer[]): void {
    for (; this.applied < entries.length; this.applied += 1) {
      const bytes = entries[this.applied];
      assert(bytes);
      const command = this.#cluster.read(this.node, bytes);
      if (command === undefined) return;
      for (const listener of this.#appliedListeners) listener(command, this.applied + 1);
    }
  }
}

export class FakeCluster {
  readonly time = new VirtualTime();
  /** Every node but a witness reaches it, whatever happens to the network. */
  hasHeartbeatDisk = false;
  readonly machines = new Map<string, FakeMachine>();
  readonly entries: Buffer[] = [];
  /** On the groups' mirrored file systems. */
  readonly #drillRecords = new Map<string, number>();
  /** Programs of another age than this one. */
  readonly programs: Map<string, Program>;
  /** Why a node ended by itself. */
  readonly ended = new Map<string, EterneError>();
  leader: string | undefined;
  raftTerm = 0;
  /** Two nodes whose tie-breaker is fencing. */
  pair: FakePair | undefined;

  constructor(names: readonly string[], programs: ReadonlyMap<string, Program> = new Map()) {
    this.programs = new Map(programs);
    for (const name of names) this.#addMachine(name);
    this.time.every(1, () => this.#checkInvariant4());
    this.time.every(20, () => this.#watch());
    this.elect(names[0] ?? '');
    this.time.run(50);
    for (const name of names.slice(1))
      this.submit({ kind: 'member-add', member: this.memberOf(name), atMs: this.time.wallMs() });
    this.time.run(1500);
  }

  machine(name: string): FakeMachine {
    const machine = this.machines.get(name);
    assert(machine, `no machine ${name}`);
    return machine;
  }

  state(node?: string): ClusterState {
    return this.machine(node ?? this.#anyConnected()).service.state;
  }

  group(name: string): GroupState {
    const group = this.state().groups[name];
    assert(group, `no group ${name}`);
    return group;
  }

  elect(node: string): void {
    this.leader = node;
    this.raftTerm += 1;
    for (const machine of this.machines.values()) machine.log.tellLeadership();
  }

  /** Power off: nothing of it goes on. */
  powerOff(name: string): void {
    const machine = this.machine(name);
    this.stopService(name);
    machine.connected = false;
    machine.heart.up = false;
    machine.monitor.running.clear();
    machine.monitor.byHand.clear();
    machine.disk.crash(Number.POSITIVE_INFINITY);
    machine.heart.leases.clear();
  }

  powerOn(name: string, beforeItsLog?: (service: Service) => void): void {
    const machine = this.machine(name);
    machine.connected = true;
    machine.heart.up = true;
    machine.disk.up = true;
    machine.startId = `${machine.startId}+`;
    this.startService(name, beforeItsLog);
  }

  stopService(name: string): void {
    const machine = this.machine(name);
    machine.log.closed = true;
    machine.service.close();
    machine.heart.forgetListeners();
    machine.monitor.forgetListeners();
  }

  startService(name: string, beforeItsLog: (service: Service) => void = () => {}): void {
    const machine = this.machine(name);
    machine.log = new FakeLog(this, name);
    machine.service = this.#makeService(machine);
    beforeItsLog(machine.service);
    machine.service.start(machine.log);
    machine.service.setPids({ service: 1, monitor: 2, heart: 3, disk: 4 });
    if (machine.connected) machine.log.catchUp(this.entries);
  }

  /** Every process of it stands still, its applications too, as when a virtual machine is suspended. */
  pause(name: string): void {
    const machine = this.machine(name);
    machine.time.pause();
    machine.connected = false;
  }

  resume(name: string): void {
    const machine = this.machine(name);
    this.#endLapsed(machine);
    machine.connected = true;
    machine.time.resume();
    machine.log.catchUp(this.entries);
  }

  reachesMajority(name: string): boolean {
    if (this.pair?.holder === name) return this.machine(name).heart.up;
    const connected = [...this.machines.values()].filter((machine) => machine.connected && machine.heart.up);
    return this.machine(name).connected && connected.length * 2 > this.machines.size;
  }

  commit(node: string, command: Command): number | undefined {
    if (!this.reachesMajority(node) || this.leader === undefined || !this.reachesMajority(this.leader))
      return undefined;
    this.entries.push(this.machine(node).service.subject.encode(command));
    for (const machine of this.machines.values())
      if ((machine.connected || this.pair?.holder === machine.name) && !machine.log.closed)
        machine.log.catchUp(this.entries);
    return this.entries.length;
  }

  /** What the log's driver does: who cannot read an entry takes no further part. */
  read(node: string, bytes: Buffer): Command | undefined {
    const { subject } = this.machine(node).service;
    try {
      this.programs.get(node)?.check(bytes);
      return subject.decode(bytes);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      this.machine(node).log.closed = true;
      subject.stopped(error);
      return undefined;
    }
  }

  /** Another program, with a start of the whole node; absent: this one. */
  exchange(name: string, program?: Program): void {
    this.powerOff(name);
    if (program === undefined) this.programs.delete(name);
    else this.programs.set(name, program);
    this.powerOn(name);
  }

  memberOf(name: string): MemberSpec {
    return { ...member(name), level: (this.programs.get(name)?.levels ?? LEVELS).program };
  }

  submit(command: Command): void {
    this.submitAt(this.#anyConnected(), command);
  }

  submitAt(node: string, command: Command): void {
    this.machine(node).service.submit(command, (result) => {
      if (result.kind !== 'applied') throw result.error;
      if (result.refused) throw new Error(`refused: ${JSON.stringify(result)}`);
    });
    this.time.run(30);
  }

  configure(volumes: readonly VolumeSpec[], groups: readonly GroupSpec[]): void {
    this.submit({
      kind: 'configure',
      revision: this.state().revision,
      changes: [
        ...volumes.map((spec) => ({ kind: 'volume-put' as const, spec })),
        ...groups.map((spec) => ({ kind: 'group-put' as const, spec })),
      ],
      atMs: this.time.wallMs(),
    });
  }

  untilOnline(group: string, node: string, limitMs = 5000): number {
    return this.time.until(
      () => {
        const { owner, phase } = this.group(group);
        return owner === node && phase === 'online';
      },
      limitMs,
      `${group} online on ${node}; it is ${JSON.stringify(this.group(group))}`,
    );
  }

  /** Who is heard by `name` now. */
  heardBy(name: string): readonly string[] {
    return this.#heardBy(this.machine(name), this.time.bootMs());
  }

  /** Whether everything of the group runs on the machine, in truth. */
  runs(group: string, node: string): boolean {
    return this.group(group).spec.resources.every(({ name }) =>
      this.machine(node).monitor.running.has(`${group}/${name}`),
    );
  }

  #anyConnected(): string {
    const machine = [...this.machines.values()].find(
      ({ name, log }) => !log.closed && this.reachesMajority(name),
    );
    return machine?.name ?? this.leader ?? '';
  }

  #addMachine(name: string): void {
    const time = new MachineTime(this.time);
    const heart = new FakeHeart(
      time,
      name,
      (request) => {
        const asked = this.leader === undefined ? [...this.machines.keys()] : [this.leader];
        for (const other of asked) this.#deliver(name, other, (to) => to.heart.hearRequest(request));
      },
      (grant) => this.#deliver(this.leader, grant.request.node, (to) => to.heart.hearGrant(grant)),
    );
    const disk = new FakeDisk(
      time,
      (peer) => this.#disksMeet(name, peer),
      (volumeName, term) => {
        for (const peer of this.machines.keys())
          if (peer !== name && this.#disksMeet(name, peer)) this.machine(peer).disk.sawTerm(volumeName, term);
      },
    );
    const partial = {
      name,
      monitor: new FakeMonitor(time, this.#drillRecords),
      heart,
      disk,
      startId: `${name}-1`,
    };
    const machine = {
      ...partial,
      time,
      connected: true,
      oneWay: undefined,
      lastHeardMs: 0,
      lastSeenMs: 0,
      log: new FakeLog(this, name),
    };
    const whole = Object.assign(machine, { service: undefined as unknown as Service });
    whole.service = this.#makeService(whole);
    this.machines.set(name, whole);
    whole.service.start(whole.log);
    whole.service.setPids({ service: 1, monitor: 2, heart: 3, disk: 4 });
  }

  #disksMeet(name: string, peer: string): boolean {
    const [one, other] = [this.machine(name), this.machine(peer)];
    return one.connected && other.connected && other.disk.volumes.size > 0;
  }

  #makeService(machine: Omit<FakeMachine, 'service'>): Service {
    const first = this.machines.size === 0 && this.entries.length === 0;
    return new Service({
      self: machine.name,
      life: this.memberOf(machine.name).voterId,
      startId: machine.startId,
      places: {
        metadataPath: (volume, created) => `/meta/${volume}@${created}`,
        exportAddress: (volume) => `unix:/run/${volume}.nbd`,
        rescuePath: (volume, created) => `/meta/${volume}@${created}.rescue`,
      },
      world: { clock: machine.time, timers: machine.time, log: () => {} },
      pair: {
        tie: () => this.pair?.tieOf(machine.name),
        takeByWord: (_how, _acceptLoss, done) => machine.time.soon(() => done(undefined)),
      },
      heart: machine.heart,
      monitor: machine.monitor,
      connectDisk: (done) => machine.disk.connect(done),
      levels: this.programs.get(machine.name)?.levels ?? LEVELS,
      onStopped: (error) => {
        this.ended.set(machine.name, error);
        this.powerOff(machine.name);
      },
      ...(first
        ? { founding: { cluster: 'test', clusterId: 'id', member: this.memberOf(machine.name) } }
        : {}),
    });
  }

  #deliver(from: string | undefined, to: string | undefined, action: (machine: FakeMachine) => void): void {
    if (from === undefined || to === undefined) return;
    this.time.after(1, () => {
      const [sender, receiver] = [this.machine(from), this.machine(to)];
      const isSent = sender.connected || sender.oneWay === 'speaks';
      const arrives = receiver.connected || receiver.oneWay === 'hears';
      if (!receiver.time.paused && (from === to || (isSent && arrives))) action(receiver);
    });
  }

  /** Heartbeats, and what the hearts do when a lease and its grace are over. */
  #watch(): void {
    const nowMs = this.time.bootMs();
    for (const machine of this.machines.values()) {
      if (machine.connected && machine.heart.up) machine.lastHeardMs = nowMs;
      if (machine.heart.up && !machine.time.paused) machine.lastSeenMs = nowMs;
    }
    for (const machine of this.machines.values()) {
      if (machine.time.paused) continue;
      machine.heart.tellAlive(new Set(this.#heardBy(machine, nowMs)), this.#seenBy(machine, nowMs));
      machine.disk.changed();
      this.#endLapsed(machine);
    }
    this.pair?.look();
  }

  #endLapsed(machine: FakeMachine): void {
    for (const [group, lease] of machine.heart.leases) {
      if (this.time.bootMs() <= lease.validUntilBootMs + lease.graceMs) continue;
      machine.monitor.killNow(group);
      machine.disk.demoteAll(lease.volumes);
      machine.heart.leases.delete(group);
    }
  }

  /** On the heartbeat disk, which reaches whom the network does not. */
  #seenBy(machine: FakeMachine, nowMs: number): PathStatus[] {
    if (!this.hasHeartbeatDisk) return [];
    const others = [...this.machines.values()].filter(({ name }) => name !== machine.name && name !== 'w1');
    return others.map(({ name, heart, lastSeenMs }) => {
      const up = heart.up || nowMs - lastSeenMs < LOST_AFTER_MS + DISK_LAG_MS;
      return {
        peer: name,
        kind: 'disk',
        path: 'disk:/dev/shared',
        up,
        lossPercent: up ? 0 : 100,
        latencyMs: null,
        ageMs: null,
        trouble: null,
        dropped: NO_DROPS,
      };
    });
  }

  #heardBy(machine: FakeMachine, nowMs: number): string[] {
    if (!machine.connected) return [machine.name];
    return [...this.machines.values()]
      .filter(({ name, lastHeardMs }) => name === machine.name || nowMs - lastHeardMs < LOST_AFTER_MS)
      .map(({ name }) => name);
  }

  #checkInvariant4(): void {
    const where = new Map<string, string>();
    for (const { name, monitor, time } of this.machines.values())
      for (const key of time.paused ? [] : monitor.running) {
        const group = key.slice(0, key.indexOf('/'));
        const other = where.get(group);
        assert(other === undefined || other === name, `${group} runs on ${other} and ${name}`);
        where.set(group, name);
      }
  }
}

export function member(name: string): MemberSpec {
  return {
    name,
    role: name.startsWith('w') ? 'witness' : 'node',
    addresses: [`${name}:7700`],
    api: `${name}:8443`,
    voterId: `${name}-voter`,
    level: LEVELS.program,
  };
}

export function volume(name: string, nodes: readonly string[]): VolumeSpec {
  return {
    name,
    sizeBytes: 1 << 20,
    mode: 'sync',
    replicas: nodes.map((node) => ({ node, device: `/srv/${name}.img` })),
    initialSync: 'none',
    ...PLAIN_VOLUME,
  };
}

export function group(name: string, nodes: readonly string[], volumeName?: string): GroupSpec {
  const timeouts = { startTimeoutMs: 5000, stopTimeoutMs: 5000, restart: { attempts: 2, windowMs: 60_000 } };
  const mirror = { name: 'vol', type: 'mirror', params: { volume: volumeName }, ...timeouts };
  const params = volumeName === undefined ? {} : { command: ['run', '${vol.device}'] };
  const app = { name: 'app', type: 'app', params, ...timeouts };
  return {
    name,
    nodes,
    failback: { enabled: false, window: null },
    rules: NO_RULES,
    demand: {},
    onStopFailure: 'block',
    watch: {},
    resources: volumeName === undefined ? [app] : [mirror, app],
  };
}
