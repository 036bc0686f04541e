import { assert } from '@eterne/base';
import type { Clock, Random, Timer, Timers, World } from '@eterne/runtime';
import { type CrashPoint, crashPoint, handshakeRow } from '../run/tally.ts';
import { ProcessNetwork } from './process-network.ts';
import { SimStores } from './stores.ts';
import { processesOf } from './processes.ts';
import type { SimNode } from './node.ts';

/** A callback is woken late by up to this much: the event loop was busy. */
const WAKE_JITTER_MS = 0.05;

/**
 * One operating-system process, and the `World` that the code inside sees. Everything that reaches the code comes
 * through `enter`, and everything it does goes through ports that ask `alive`: after a crash nothing of it happens any more,
 * even when the crash strikes in the middle of one of its own calls.
 */
export class SimProcess {
  readonly node: SimNode;
  readonly name: string;
  readonly pid: number;
  /** With the pid unique until reboot. */
  readonly startTime: string;
  /** `NAME=value` of its environment that tells whose family it is. */
  mark = '';
  readonly world: World;
  readonly stores: SimStores;
  readonly network: ProcessNetwork;
  alive = true;
  paused = false;
  /** When it was last continued after a stop. */
  continuedMs = Number.NEGATIVE_INFINITY;
  /** For checkers: told what it logs. */
  onLog: ((message: string) => void) | undefined;
  /** For the report on crash points: what it is about. */
  activity: () => string = () => this.name;
  private operationsLeft = 0;
  private fatalOperation: string | undefined;
  private fatalPoint: CrashPoint | undefined;
  /** What became due while the process was stopped, in order. */
  private backlog: (() => void)[] = [];
  private readonly deathListeners: (() => void)[] = [];

  constructor(node: SimNode, name: string, pid: number) {
    this.node = node;
    this.name = name;
    this.pid = pid;
    this.startTime = `${node.boots}:${node.universe.nowMs}`;
    this.stores = new SimStores(this);
    this.network = new ProcessNetwork(this);
    this.world = this.makeWorld();
  }

  get label(): string {
    return `${this.node.name}/${this.name}`;
  }

  /** Runs `run` as this process, now, unless it is dead; later if it is stopped. */
  enter(run: () => void): void {
    if (!this.alive) return;
    if (this.paused) {
      this.backlog.push(run);
      return;
    }
    try {
      run();
    } catch (error) {
      // Code that was killed in the middle of a call may trip over ports that no longer answer.
      if (!this.alive) return;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.node.universe.violate('uncaught', `${this.label}: ${text}`);
      this.crash();
    }
  }

  /** `enter` after `delayMs` of true time. */
  later(delayMs: number, run: () => void): void {
    this.node.universe.scheduler.after(delayMs, () => this.enter(run));
  }

  /** Kills the process in the middle of its `count`-th disk operation from now, or of those called `only`. 0: not any more. */
  crashAfterOperations(count: number, only?: string): void {
    this.operationsLeft = count;
    this.fatalOperation = only;
  }

  /** Kills the process when it is about to do this, however long that takes. Undefined: not any more. */
  crashAt(point: CrashPoint | undefined): void {
    this.fatalPoint = point;
  }

  /** Ports report each operation that crash points are counted by, before it has any effect. */
  operation(nameOf: () => string): void {
    if (this.operationsLeft === 0 && this.fatalPoint === undefined) return;
    const name = nameOf();
    if (this.fatalPoint?.operation === name && this.fatalPoint.activity === this.activity())
      return this.crashBefore(name);
    if (this.operationsLeft === 0) return;
    if (this.fatalOperation !== undefined && name !== this.fatalOperation) return;
    this.operationsLeft -= 1;
    if (this.operationsLeft > 0) return;
    this.crashBefore(name);
  }

  private crashBefore(operation: string): void {
    this.node.universe.count(crashPoint(this.activity(), operation));
    this.crash();
  }

  /** SIGKILL: the kernel lives on, keeps the page cache, and closes the sockets. */
  crash(): void {
    if (!this.alive) return;
    this.node.universe.trace.line(this.label, 'is killed');
    this.vanish('killed');
  }

  vanish(cause: 'killed' | 'power'): void {
    if (!this.alive) return;
    this.alive = false;
    this.backlog = [];
    this.node.processes.delete(this);
    this.network.ownerDied(cause);
    this.stores.ownerDied(cause);
    for (const listener of this.deathListeners) listener();
  }

  /** For the simulator itself: called at once when the process dies. */
  onDeath(listener: () => void): void {
    this.deathListeners.push(listener);
  }

  /** SIGSTOP. Sockets stay open and fill; clocks run on. */
  pause(): void {
    if (!this.alive || this.paused) return;
    this.paused = true;
    this.node.universe.trace.line(this.label, 'is stopped');
  }

  resume(): void {
    if (!this.paused || !this.alive) return;
    this.paused = false;
    this.continuedMs = this.node.universe.nowMs;
    this.node.universe.trace.line(this.label, 'continues');
    const backlog = this.backlog;
    this.backlog = [];
    for (const run of backlog) this.enter(run);
  }

  private makeWorld(): World {
    const { node } = this;
    const clock: Clock = { wallMs: () => node.wallMs(), bootMs: () => node.bootMs() };
    const chance = node.universe.prng(`process:${this.label}:${this.pid}`);
    const random: Random = {
      bytes: (lengthBytes) => chance.bytes(lengthBytes),
      below: (bound) => chance.below(bound),
      uuid: () => chance.uuid(),
    };
    return {
      clock,
      random,
      timers: this.makeTimers(),
      network: this.network,
      stores: this.stores,
      files: node.fileSystem.portFor(this),
      processes: processesOf(this),
      log: (level, message, fields) => {
        if (!this.alive) return;
        if (message === 'handshake') node.universe.count(handshakeRow(String(fields?.['row'])));
        const detail = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
        node.universe.trace.line(this.label, `${level}: ${message}${detail}`);
        this.onLog?.(message);
      },
    };
  }

  private makeTimers(): Timers {
    const { node } = this;
    const { scheduler } = node.universe;
    const jitter = node.universe.prng(`timers:${this.label}:${this.pid}`);
    const after = (delayMs: number, fire: () => void): Timer => {
      assert(Number.isFinite(delayMs), `a timer of ${delayMs} ms`);
      let done = false;
      const wake = node.trueDelay(Math.max(0, delayMs)) + jitter.between(0, WAKE_JITTER_MS);
      const event = scheduler.after(wake, () =>
        this.enter(() => {
          if (done) return;
          done = true;
          fire();
        }),
      );
      return {
        cancel: () => {
          done = true;
          scheduler.cancel(event);
        },
      };
    };
    const every = (intervalMs: number, fire: () => void): Timer => {
      assert(intervalMs > 0, 'an interval must be positive');
      let stopped = false;
      let pending: Timer;
      const arm = (): void => {
        pending = after(intervalMs, () => {
          if (!stopped) arm();
          fire();
        });
      };
      arm();
      return {
        cancel: () => {
          stopped = true;
          pending.cancel();
        },
      };
    };
    const soon = (fire: () => void): void => this.later(0, fire);
    return { after, every, soon, afterEvent: soon };
  }
}
