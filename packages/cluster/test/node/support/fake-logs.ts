/**
 * Logs that nodes share, as simply as their ports allow, in virtual time: entries that are in a log stay there; a node applies them one after the other. What a
 * node asks of its engines is counted, so that it can be made to die before and after every single call.
 */
import assert from 'node:assert/strict';
import { EterneError } from '@eterne/base';
import type { LogMarker } from '../../../src/node/log-marker.ts';
import type { LogEngine, LogEngines, LogImage } from '../../../src/node/log-switch.ts';
import type { LogSubject } from '../../../src/ports.ts';
import { apply } from '../../../src/state/apply.ts';
import { decodeCommand, decodeState, encodeCommand } from '../../../src/state/codec.ts';
import type { Command } from '../../../src/state/commands.ts';
import { FIRST_LEVEL } from '../../../src/state/levels.ts';
import type { MachineTime } from '../../service/virtual-time.ts';

/** One epoch's log. */
class SharedLog {
  readonly epoch: number;
  readonly engine: 'embedded' | 'etcd';
  readonly first: LogImage;
  readonly entries: Buffer[] = [];
  /** What a node that opens it begins with; embedded only. */
  compacted: { readonly index: number; readonly state: Buffer };

  constructor({ epoch, consensus: { engine } }: LogMarker, first: LogImage) {
    this.epoch = epoch;
    this.engine = engine;
    this.first = first;
    this.compacted = first;
  }

  get lastIndex(): number {
    return this.first.index + this.entries.length;
  }

  entryAt(index: number): Buffer | undefined {
    return this.entries[index - this.first.index - 1];
  }

  /** An etcd takes nothing behind a seal; the embedded log does not know what a seal is. */
  append(command: Command): number | undefined {
    const last = this.entries.at(-1);
    if (this.engine === 'etcd' && last !== undefined && decodeCommand(last, FIRST_LEVEL).kind === 'log-seal')
      return undefined;
    this.entries.push(encodeCommand(command, FIRST_LEVEL));
    return this.lastIndex;
  }

  /** As the state is at `index`, for a log that is made shorter. */
  compact(index: number): void {
    let state = decodeState(this.first.state);
    for (let at = this.first.index + 1; at <= index; at += 1) {
      const entry = this.entryAt(at);
      assert(entry);
      state = apply(state, decodeCommand(entry, FIRST_LEVEL)).state;
    }
    this.compacted = { index, state: Buffer.from(JSON.stringify({ v: 1, state })) };
  }
}

export class SharedLogs {
  readonly logs = new Map<number, SharedLog>();
  /** How often an epoch was begun anew; once is right. */
  begun = 0;

  make(marker: LogMarker, image: LogImage): void {
    const present = this.logs.get(marker.epoch);
    if (present === undefined) {
      this.logs.set(marker.epoch, new SharedLog(marker, image));
      this.begun += 1;
      return;
    }
    // In an etcd whoever is first has begun it; in the nodes each begins its own.
    if (present.engine === 'etcd') return;
    assert.equal(present.first.index, image.index, 'every member begins an epoch at the same index');
    assert.equal(present.first.state.toString(), image.state.toString(), 'and with the same state');
  }

  at(epoch: number): SharedLog {
    const log = this.logs.get(epoch);
    assert(log, `nobody has begun epoch ${epoch}`);
    return log;
  }
}

/** What a node has on its own disk. */
export interface Durable {
  marker: LogMarker;
  /** Epochs of embedded logs. */
  readonly files: Set<number>;
  /** How often each kind of call has failed, in all lives. */
  readonly failed: Map<string, number>;
}

export interface Troubles {
  /** Dies before (odd) or after (even) this call, counted from 1, of its engines. */
  crashAt: number;
  onCrash: () => void;
  /** So many times each kind of call fails first. */
  failures: number;
  /** How long a call takes. */
  callMs: () => number;
}

/** The engines of one life of a node. */
export class FakeEngines implements LogEngines {
  readonly #logs: SharedLogs;
  readonly #time: MachineTime;
  readonly #durable: Durable;
  readonly #troubles: Troubles;
  readonly #leads: boolean;
  readonly opened = new Set<FakeEngine>();
  #steps = 0;
  isDead = false;

  constructor(logs: SharedLogs, time: MachineTime, durable: Durable, troubles: Troubles, leads: boolean) {
    this.#logs = logs;
    this.#time = time;
    this.#durable = durable;
    this.#troubles = troubles;
    this.#leads = leads;
  }

  get steps(): number {
    return this.#steps;
  }

  open: LogEngines['open'] = (marker, subject, done) =>
    this.#call('open', done, () => {
      const engine = new FakeEngine(this.#logs.at(marker.epoch), this.#time, subject, this.#leads);
      this.opened.add(engine);
      return engine;
    });

  begin: LogEngines['begin'] = (marker, image, done) =>
    this.#call('begin', done, () => {
      this.#logs.make(marker, image);
      if (marker.consensus.engine === 'embedded') this.#durable.files.add(marker.epoch);
      return undefined;
    });

  probe: LogEngines['probe'] = (_consensus, done) => this.#call('probe', done, () => undefined);

  reopen: LogEngines['reopen'] = (epoch, done) =>
    this.#call<LogEngine | undefined>(
      'reopen',
      (result) => done(result instanceof EterneError ? undefined : result),
      () => {
        if (!this.#durable.files.has(epoch)) return undefined;
        const engine = new FakeEngine(this.#logs.at(epoch), this.#time, undefined, this.#leads);
        this.opened.add(engine);
        return engine;
      },
    );

  forget: LogEngines['forget'] = (epoch) => {
    if (this.#diesNow()) return;
    this.#durable.files.delete(epoch);
    this.#diesNow();
  };

  saveMarker: LogEngines['saveMarker'] = (marker, done) =>
    this.#call('saveMarker', done, () => {
      this.#durable.marker = marker;
      return undefined;
    });

  /** Late, failing, or the last that this life does. */
  #call<T>(name: string, done: (result: T | EterneError) => void, act: () => T): void {
    if (this.#diesNow()) return;
    this.#time.after(this.#troubles.callMs(), () => {
      if (this.isDead) return;
      const failed = this.#durable.failed.get(name) ?? 0;
      if (failed < this.#troubles.failures) {
        this.#durable.failed.set(name, failed + 1);
        return done(new EterneError('io', `${name} fails`));
      }
      const result = act();
      if (!this.#diesNow()) done(result);
    });
  }

  #diesNow(): boolean {
    if (this.isDead) return true;
    this.#steps += 1;
    if (this.#steps !== this.#troubles.crashAt) return false;
    this.isDead = true;
    this.#troubles.onCrash();
    return true;
  }
}

const LOOK_MS = 7;

export class FakeEngine implements LogEngine {
  readonly #log: SharedLog;
  readonly #time: MachineTime;
  readonly #subject: LogSubject<Command> | undefined;
  readonly #leads: boolean;
  readonly #listeners: ((command: Command, index: number) => void)[] = [];
  readonly #waiting = new Map<number, () => void>();
  readonly trouble = undefined;
  #applied: number;
  #timer: { cancel(): void } | undefined;
  isClosed = false;

  /** Without a subject: an old one that hands nothing on. */
  constructor(log: SharedLog, time: MachineTime, subject: LogSubject<Command> | undefined, leads: boolean) {
    this.#log = log;
    this.#time = time;
    this.#subject = subject;
    this.#leads = leads;
    this.#applied = log.compacted.index;
    subject?.restoreSnapshot(log.compacted.state, log.compacted.index);
  }

  start(): void {
    if (this.#subject) this.#timer = this.#time.every(LOOK_MS, () => this.#follow());
  }

  append: LogEngine['append'] = (command, done) => {
    this.#time.after(3, () => {
      if (this.isClosed) return;
      const index = this.#log.append(command);
      if (index === undefined)
        return done({ kind: 'refused', error: new EterneError('no-quorum', 'the log is over') });
      this.#waiting.set(index, () => done({ kind: 'applied', index }));
    });
  };

  onApplied(listener: (command: Command, index: number) => void): void {
    this.#listeners.push(listener);
  }

  readBarrier(done: (error: EterneError | undefined) => void): void {
    this.#time.after(3, () => done(undefined));
  }

  leadership: LogEngine['leadership'] = () => ({
    leader: 'n1',
    isLeader: this.#leads,
    raftTerm: this.#log.epoch * 2 ** 32 + 1,
    authorityUntilBootMs: this.#time.bootMs() + 500,
    quorate: true,
  });

  onLeadership(): void {}

  members: LogEngine['members'] = () => this.#log.first.members;

  heard: LogEngine['heard'] = () => new Set();
  changeMember: LogEngine['changeMember'] = (_change, done) => this.#time.soon(() => done(undefined));

  transferLeadership(): undefined {
    return undefined;
  }

  close(done: () => void): void {
    this.isClosed = true;
    this.#timer?.cancel();
    this.#time.soon(done);
  }

  #follow(): void {
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) {
      this.#applied += 1;
      for (const listener of this.#listeners) listener(decodeCommand(entry, FIRST_LEVEL), this.#applied);
      this.#waiting.get(this.#applied)?.();
      this.#waiting.delete(this.#applied);
    }
  }

  #next(): Buffer | undefined {
    return this.isClosed ? undefined : this.#log.entryAt(this.#applied + 1);
  }
}
