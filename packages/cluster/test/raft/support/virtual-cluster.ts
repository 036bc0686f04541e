import assert from 'node:assert/strict';
import { EterneError } from '@eterne/base';
import type { EmbeddedLog } from '../../../src/raft/embedded-log.ts';
import { Drops, type DropReason } from '../../../src/heart/drops.ts';
import { firstImage, openEmbeddedLog } from '../../../src/raft/embedded-log.ts';
import type { Members } from '../../../src/raft/members.ts';
import { createLogFile } from '../../../src/raft/storage/log-store.ts';
import { prepareTie } from '../../../src/raft/tie/tie-driver.ts';
import type { Provers } from '../../../src/raft/tie/proof-player.ts';
import { settleRewind } from '../../../src/raft/tie/rewind.ts';
import { proofTieId, soloTieId, tieId, type TieKind } from '../../../src/raft/tie/tie-id.ts';
import { TieTransport } from '../../../src/raft/tie/tie-transport.ts';
import { Seeded } from './seeded.ts';
import { VirtualDisk } from './virtual-files.ts';
import { VirtualSharedDisk } from './virtual-shared-disk.ts';
import { VirtualTime, type Life } from './virtual-time.ts';
import { PROFILES } from '../../../src/profiles.ts';

const PATH = 'raft.log';

/** A machine whose state is the list of commands that were applied. */
export class Machine {
  readonly id: string;
  readonly disk: VirtualDisk;
  log: EmbeddedLog<string> | undefined;
  applied: string[] = [];
  /** No two boot clocks agree: this one started at another time and runs at another speed. */
  readonly clockOffsetMs: number;
  readonly clockRate: number;
  life = 0;
  stoppedUntilMs = 0;
  openError: EterneError | undefined;
  transport: TieTransport | undefined;
  timing = PROFILES.lan.raft;
  /** What it did not believe, in all its lives. */
  readonly drops = new Drops();

  constructor(id: string, disk: VirtualDisk, random: Seeded) {
    this.id = id;
    this.disk = disk;
    this.clockOffsetMs = random.below(1_000_000);
    this.clockRate = 0.97 + 0.06 * random.fraction();
  }
}

export interface ClusterOptions {
  readonly seed: number;
  readonly voters: readonly string[];
  readonly joiners?: readonly string[];
  readonly compactAfterEntries?: number;
  /** The two voters have a tie-breaker. */
  readonly tie?: TieKind;
}

const TIE_IDS: Readonly<Record<TieKind, string>> = {
  disk: tieId('1'),
  proof: proofTieId('1'),
  solo: soloTieId('1'),
};
const HEART_LOOK_MS = 50;
const HEART_SILENCE_MS = 1000;

/** Several `EmbeddedLog`s, whole, on virtual time, disks and network. */
export class VirtualCluster {
  readonly time = new VirtualTime();
  readonly random: Seeded;
  readonly shared: VirtualSharedDisk;
  readonly machines = new Map<string, Machine>();
  readonly #receivers = new Map<string, (from: string, message: Buffer) => void>();
  readonly #goneListeners = new Map<string, (from: string) => void>();
  readonly #options: ClusterOptions;
  /** `from>to` pairs that lose everything. */
  readonly cut = new Set<string>();
  lossProbability = 0;
  /** How likely it is that fencing works. */
  fenceChance = 1;
  /** Until then a node that may go on alone waits, as the one that owns nothing does. */
  soloDelayMs: (id: string) => number = () => 0;
  #lastHalf = 0;
  readonly #heardMs = new Map<string, number>();
  latencyMs = 1;
  /** Beside the latency. */
  delayMs: (from: string, to: string) => number = () => 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.random = new Seeded(options.seed);
    this.shared = new VirtualSharedDisk(this.time, this.random);
    const tie = options.tie && TIE_IDS[options.tie];
    const voters = tie === undefined ? options.voters : [...options.voters, tie];
    const members: Members = voters.map((id) => ({ id, role: 'voter' }));
    const [first = '', second = ''] = options.voters;
    const always = { isAlive: () => true, stoppedUntilMs: () => 0 };
    if (options.tie === 'disk')
      prepareTie(this.shared.port('', always), '', TIE_IDS.disk, [first, second], () => {});
    for (const id of options.voters) this.#add(id, members);
    for (const id of options.joiners ?? []) this.#add(id, []);
    if (options.tie === 'proof' || options.tie === 'solo') this.#beat();
    this.time.runUntil(20);
  }

  /** Hearts: who reached the other when last, whole and both ways. */
  #beat(): void {
    this.time.at(this.time.nowMs + HEART_LOOK_MS, () => this.#beat());
    for (const machine of this.machines.values()) {
      const isUp = machine.log !== undefined && machine.stoppedUntilMs <= this.time.nowMs;
      const isCut = [...this.cut].some((way) => way.split('>').includes(machine.id));
      if (isUp && !isCut) this.#heardMs.set(machine.id, this.time.nowMs);
    }
  }

  #isLost(id: string): boolean {
    return this.time.nowMs - (this.#heardMs.get(id) ?? 0) >= HEART_SILENCE_MS;
  }

  /** Fences the other after a while: its power is off, and comes back, or not. */
  #prove(peer: string, isSought: () => boolean, lifetime: Life, done: Parameters<Provers['prove']>[3]): void {
    const tookMs = (peer === 'n1' ? 700 : 0) + 50 + this.random.below(700);
    this.time.at(this.time.nowMs + tookMs, () => {
      const works = this.random.chance(this.fenceChance) && isSought();
      if (works && this.machine(peer).log) this.losePower(peer);
      if (works && this.random.chance(0.6))
        this.time.at(this.time.nowMs + this.random.below(3000), () => {
          if (!this.machine(peer).log) this.start(peer);
        });
      this.time.inLife(lifetime, this.time.nowMs, () =>
        done(works ? { how: 'fenced' } : { trouble: 'no device' }),
      );
    });
  }

  /** Nothing but silence, after a while. */
  #miss(id: string, peer: string, lifetime: Life, done: Parameters<Provers['prove']>[3]): void {
    this.time.inLife(lifetime, this.time.nowMs + this.soloDelayMs(id), () =>
      done(this.#isLost(peer) ? { how: `${peer} is silent` } : { trouble: `${peer} is heard again` }),
    );
  }

  #add(id: string, members: Members): void {
    const machine = new Machine(id, new VirtualDisk(this.time, this.random), this.random);
    this.machines.set(id, machine);
    const files = machine.disk.files({ isAlive: () => true, stoppedUntilMs: () => 0 });
    createLogFile(
      { files, random: this.random },
      PATH,
      firstImage({ cluster: 'c', member: id }, members),
      () => this.start(id),
    );
  }

  machine(id: string): Machine {
    const machine = this.machines.get(id);
    if (!machine) throw new Error(`no machine ${id}`);
    return machine;
  }

  logOf(id: string): EmbeddedLog<string> {
    const { log } = this.machine(id);
    if (!log) throw new Error(`${id} is down`);
    return log;
  }

  bootMs(machine: Machine): number {
    return machine.clockOffsetMs + this.time.nowMs * machine.clockRate;
  }

  start(id: string): void {
    const machine = this.machine(id);
    machine.life += 1;
    machine.stoppedUntilMs = 0;
    const { life } = machine;
    const lifetime = { isAlive: () => machine.life === life, stoppedUntilMs: () => machine.stoppedUntilMs };
    machine.applied = [];
    const world = {
      clock: { wallMs: () => this.time.nowMs, bootMs: () => this.bootMs(machine) },
      timers: this.time.timers(lifetime),
      random: this.random,
      files: machine.disk.files(lifetime),
      log: () => {},
    };
    const subject = {
      encode: (command: string) => Buffer.from(command),
      decode: (bytes: Buffer) => bytes.toString(),
      takeSnapshot: () => Buffer.from(JSON.stringify(machine.applied)),
      restoreSnapshot: (bytes: Buffer) => {
        machine.applied = JSON.parse(bytes.toString()) as string[];
      },
      stopped: (error: EterneError) => assert.fail(error),
    };
    const network = {
      send: (to: string, message: Buffer) => this.#send(id, to, message),
      onMessage: (listener: (from: string, message: Buffer) => void) =>
        void this.#receivers.set(id, (from, message) =>
          this.time.inLife(lifetime, this.time.nowMs, () => listener(from, message)),
        ),
      onGone: (listener: (from: string) => void) =>
        void this.#goneListeners.set(id, (from) =>
          this.time.inLife(lifetime, this.time.nowMs, () => listener(from)),
        ),
      close: () => {},
    };
    const onDrop = (reason: DropReason): void => machine.drops.count(reason);
    const transport = new TieTransport(network, {
      onDrop,
      world,
      disks: this.shared.port(id, lifetime),
      self: id,
      timing: () => machine.timing,
      path: () => '/shared',
      log: () => (machine.life === life ? machine.log?.status() : undefined),
      behindSinceMs: () => machine.log?.behindSinceMs() ?? Number.POSITIVE_INFINITY,
      proof: {
        files: machine.disk.files(lifetime),
        recordPath: 'tie',
        provers: {
          isLost: (peer) => this.#isLost(peer),
          barrier: (done) => machine.log?.readBarrier(done),
          prove: (tie, peer, isSought, done) =>
            tie === 'solo'
              ? this.#miss(id, peer, lifetime, done)
              : this.#prove(peer, isSought, lifetime, done),
        },
        solo: {
          recordPath: 'solo',
          logPath: PATH,
          begin: () => ({ id: `half${(this.#lastHalf += 1)}`, node: id, groups: 0, atMs: 0 }),
        },
      },
    });
    machine.transport = transport;
    const { compactAfterEntries = 20 } = this.#options;
    const identity = { cluster: 'c', member: id };
    const options = {
      world,
      path: PATH,
      identity,
      timing: () => machine.timing,
      transport,
      onDrop,
      subject,
      compactAfterEntries,
    };
    const open = (): void => openEmbeddedLog(options, (log) => this.#opened(machine, log));
    if (this.#options.tie !== 'solo') return open();
    return settleRewind({ world, recordPath: 'solo', logPath: PATH, identity }, (error) => {
      if (error) {
        machine.openError = error;
        return;
      }
      open();
    });
  }

  #opened(machine: Machine, log: EmbeddedLog<string> | EterneError): void {
    if (log instanceof EterneError) {
      machine.openError = log;
      return;
    }
    machine.log = log;
    machine.openError = undefined;
    log.onApplied((command) => machine.applied.push(command));
    log.start();
  }

  /** As the service does: a half that has to give way ends this life of its node. */
  giveWay(id: string): void {
    const machine = this.machine(id);
    if (machine.transport?.tie?.solo?.parted?.survivor !== 'theirs') return;
    machine.transport.giveWay((error) => {
      if (error) return;
      machine.life += 1;
      machine.log = undefined;
      this.start(id);
    });
  }

  #send(from: string, to: string, message: Buffer): void {
    if (this.cut.has(`${from}>${to}`) || this.random.chance(this.lossProbability)) return;
    const copy = Buffer.from(message);
    const delayMs = this.latencyMs * (0.5 + this.random.fraction()) + this.delayMs(from, to);
    this.time.at(this.time.nowMs + delayMs, () => {
      if (!this.cut.has(`${from}>${to}`)) this.#receivers.get(to)?.(from, copy);
    });
  }

  /** What somebody who holds the key says as `from`. */
  say(from: string, to: string, message: Buffer): void {
    this.#send(from, to, message);
  }

  /** The process and everything un-fsynced is gone. */
  losePower(id: string): void {
    const machine = this.machine(id);
    machine.life += 1;
    machine.log = undefined;
    machine.disk.losePower();
    this.suspect(id);
  }

  /** Some of the others see their connections from `id` end, rightly or not. */
  suspect(id: string): void {
    for (const [other, tell] of this.#goneListeners)
      if (other !== id && this.random.chance(0.5))
        this.time.at(this.time.nowMs + this.latencyMs * this.random.fraction(), () => tell(id));
  }

  /** Both ways between `id` and everybody else. */
  isolate(id: string): void {
    for (const other of this.machines.keys())
      if (other !== id) this.cut.add(`${id}>${other}`).add(`${other}>${id}`);
  }

  heal(): void {
    this.cut.clear();
  }

  run(durationMs: number): void {
    this.time.runUntil(this.time.nowMs + durationMs);
  }

  leaders(): string[] {
    return [...this.machines.values()].filter((m) => m.log?.leadership().isLeader).map((m) => m.id);
  }

  /** Runs until exactly one leads (of those that are up), or fails. */
  waitForLeader(withinMs = 5000): string {
    const endMs = this.time.nowMs + withinMs;
    while (this.time.nowMs < endMs) {
      this.run(10);
      const [leader, another] = this.leaders();
      if (leader !== undefined && another === undefined && this.logOf(leader).leadership().quorate)
        return leader;
    }
    throw new Error(`no leader within ${withinMs} ms`);
  }
}
