/** Several `EtcdLog`s, whole, on virtual time and a virtual etcd; their state is the list of commands that were applied. */
import assert from 'node:assert/strict';
import { EtcdLog } from '../../../src/etcd/etcd-log.ts';
import { beginEpoch } from '../../../src/etcd/founding.ts';
import { PROFILES } from '../../../src/profiles.ts';
import { nothing } from '../../contract/beds.ts';
import { Seeded } from '../../raft/support/seeded.ts';
import { VirtualTime, type Life } from '../../raft/support/virtual-time.ts';
import { VirtualEtcd } from './virtual-etcd.ts';

const COMPACT_AFTER = 20;

export class LogMachine {
  readonly id: string;
  log: EtcdLog<string> | undefined;
  applied: string[] = [];
  /** No two boot clocks agree. */
  readonly clockOffsetMs: number;
  readonly clockRate: number;
  life = 0;
  stoppedUntilMs = 0;
  timing = PROFILES.lan.etcd;

  constructor(id: string, random: Seeded) {
    this.id = id;
    this.clockOffsetMs = random.below(1_000_000);
    this.clockRate = 0.97 + 0.06 * random.fraction();
  }
}

export class VirtualLogCluster {
  readonly time = new VirtualTime();
  readonly random: Seeded;
  readonly etcd: VirtualEtcd;
  readonly machines = new Map<string, LogMachine>();

  constructor(seed: number, ids: readonly string[]) {
    this.random = new Seeded(seed);
    this.etcd = new VirtualEtcd(this.time, this.random);
    const always: Life = { isAlive: () => true, stoppedUntilMs: () => 0 };
    const store = this.etcd.port('', always);
    const first = {
      store,
      clusterId: 'c',
      epoch: 1,
      timeoutMs: 5000,
      index: 0,
      data: nothing(),
      name: 'first',
    };
    beginEpoch(first, () => {});
    this.time.runUntil(5000);
    for (const id of ids) {
      this.machines.set(id, new LogMachine(id, this.random));
      this.start(id);
    }
  }

  machine(id: string): LogMachine {
    const machine = this.machines.get(id);
    if (!machine) throw new Error(`no machine ${id}`);
    return machine;
  }

  start(id: string): void {
    const machine = this.machine(id);
    machine.life += 1;
    machine.applied = [];
    const { life } = machine;
    const lifetime: Life = {
      isAlive: () => machine.life === life,
      stoppedUntilMs: () => machine.stoppedUntilMs,
    };
    const log = new EtcdLog<string>({
      world: {
        clock: {
          wallMs: () => 0,
          bootMs: () => machine.clockOffsetMs + this.time.nowMs * machine.clockRate,
        },
        timers: this.time.timers(lifetime),
        random: this.random,
        log: () => {},
      },
      store: this.etcd.port(id, lifetime),
      clusterId: 'c',
      epoch: 1,
      member: id,
      timing: () => machine.timing,
      subject: {
        encode: (command) => Buffer.from(command),
        decode: (bytes) => bytes.toString(),
        takeSnapshot: () => Buffer.from(JSON.stringify(machine.applied)),
        restoreSnapshot: (bytes) => {
          machine.applied = JSON.parse(bytes.toString()) as string[];
        },
        stopped: (error) => assert.fail(error),
      },
      isMember: () => true,
      isLast: (command) => command === 'last',
      compactAfterEntries: COMPACT_AFTER,
    });
    log.onApplied((command) => machine.applied.push(command));
    machine.log = log;
    log.start();
  }

  kill(id: string): void {
    const machine = this.machine(id);
    machine.life += 1;
    machine.log = undefined;
  }

  run(durationMs: number): void {
    this.time.runUntil(this.time.nowMs + durationMs);
  }

  leaders(): string[] {
    return [...this.machines.values()].filter(({ log }) => log?.leadership().isLeader).map(({ id }) => id);
  }
}
