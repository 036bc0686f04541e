/**
 * One resource in the monitor's hands.
 *
 *              start                  ready
 *   stopped ───────────► starting ───────────► running ◄──check──► failed
 *      ▲                     │ not ready          │                   │
 *      │                     ▼                    │ stop              │ stop
 *      └──nothing left── stopping ◄───────────────┴───────────────────┘
 *
 * A start that did not get ready, and a stop that left something, end as `failed`: the service decides what comes next.
 *
 * Nothing of a start comes after what ends it: a stop waits for it, and when it is killed meanwhile it is cut short (`leash.ts`), as a stop is.
 */
import type { EterneError } from '@eterne/base';
import { answeredWithin, type Timer } from '@eterne/runtime';
import type { GuardedProcess } from '../heart/guard.ts';
import type { ActionResult, ResourceReport, ResourceSpec, ResourceState } from '../ports.ts';
import { failed, type CheckResult, type CheckSpec, type Hands, type Job } from './agents/agent.ts';
import { stopFamily } from './agents/family.ts';
import type { BoundAgent } from './agents/registry.ts';
import { Leash } from './leash.ts';
import type { StartedRecord } from './record-book.ts';

const STOPPED_MEANWHILE = 'it was stopped while starting';
const PROBE: CheckSpec = { name: 'quick', intervalMs: 0, timeoutMs: 1000 };
/** Between two looks at what was still being spawned when it was killed. */
const LATE_INTERVAL_MS = 20;
/** Agents keep to their time; what takes so much longer does not answer at all. Less than callers wait (client.ts). */
const ANSWER_SLACK_MS = 1500;

export interface ResourceEvents {
  /** Its state or reason is another. */
  onChange(): void;
  /** What must survive the monitor has changed; `done` once it is durable. */
  onKeep(done: () => void): void;
}

export class Resource {
  readonly spec: ResourceSpec;
  readonly epoch: number;
  readonly mark: string;
  readonly #hands: Hands;
  readonly #bound: BoundAgent<never>;
  readonly #events: ResourceEvents;
  readonly #checkTimers: Timer[] = [];
  #state: ResourceState = 'stopped';
  #reason = '';
  #processes: readonly GuardedProcess[];
  #outputs: StartedRecord['outputs'];
  #isGone = false;
  /** Its start found that it cannot be here (`ActionResult.isMissing`): its agent is not asked to stop it either. */
  #isMissing = false;
  /** Its start is under way. */
  #starting: { readonly leash: Leash; readonly onEnded: (() => void)[] } | undefined;
  /** Of stops that are under way. */
  readonly #stops = new Set<Leash>();

  constructor(hands: Hands, bound: BoundAgent<never>, record: StartedRecord, events: ResourceEvents) {
    this.#hands = hands;
    this.#bound = bound;
    this.#events = events;
    this.spec = record.spec;
    this.epoch = record.epoch;
    this.mark = record.mark;
    this.#processes = record.processes;
    this.#outputs = record.outputs;
  }

  get record(): StartedRecord {
    const { spec, epoch, mark } = this;
    return { spec, epoch, mark, processes: this.#processes, outputs: this.#outputs };
  }

  get report(): ResourceReport {
    const { group, name } = this.spec;
    return { group, resource: name, state: this.#state, reason: this.#reason };
  }

  get state(): ResourceState {
    return this.#state;
  }

  get outputs(): StartedRecord['outputs'] {
    return this.#outputs;
  }

  owns(process: GuardedProcess): boolean {
    return this.#processes.some(
      ({ pid, startTime }) => pid === process.pid && startTime === process.startTime,
    );
  }

  /** `record`: brings it on record, durably, or says why not. It is starting from now on: what ends it meanwhile waits for the answer, and nothing is begun then. */
  start(
    record: (done: (error: EterneError | undefined) => void) => void,
    timeoutMs: number,
    done: (result: ActionResult) => void,
  ): void {
    const starting = { leash: new Leash(this.#hands, timeoutMs), onEnded: [] as (() => void)[] };
    const ended = (result: ActionResult): void => {
      this.#starting = undefined;
      this.#started(result, done);
      for (const go of starting.onEnded) go();
    };
    this.#starting = starting;
    this.#enter('starting', '');
    record((error) => {
      if (error) return ended(failed(error.message));
      if (this.#state !== 'starting') return ended(failed(STOPPED_MEANWHILE));
      this.#bound.agent.start(starting.leash.hands, this.#job(), timeoutMs, ended);
    });
  }

  #started(result: ActionResult, done: (result: ActionResult) => void): void {
    if (this.#state !== 'starting') return done(failed(STOPPED_MEANWHILE));
    if (!result.ok) {
      this.#isMissing = result.isMissing === true;
      this.#enter('failed', result.reason);
      return done(result);
    }
    this.#outputs = result.outputs;
    this.#events.onKeep(() => {
      if (this.#state !== 'starting') return done(failed(STOPPED_MEANWHILE));
      this.#run();
      done(result);
    });
  }

  /** Started by our predecessor: one check says what has become of it. Until then nobody knows, least of all that it is stopped. */
  adopt(): void {
    if (this.#outputs === undefined)
      return this.#enter('failed', 'the monitor was restarted while it was starting');
    this.#enter('unknown', 'the monitor was restarted');
    const own = this.#bound.agent.checks(this.#bound.params).map(({ timeoutMs }) => timeoutMs);
    this.#check({ ...PROBE, timeoutMs: Math.max(PROBE.timeoutMs, ...own) }, (result) => {
      if (this.#state !== 'unknown') return;
      this.#run();
      this.#take(result);
    });
  }

  stop(timeoutMs: number, done: (result: ActionResult) => void): void {
    this.#stopChecks();
    this.#enter('stopping', '');
    this.#afterStart(() => this.#stopNow(timeoutMs, done));
  }

  #stopNow(timeoutMs: number, done: (result: ActionResult) => void): void {
    if (this.#isGone) return done(failed(this.#reason));
    const leash = new Leash(this.#hands, timeoutMs);
    this.#stops.add(leash);
    let isLate = false;
    const ended = (result: ActionResult): void => {
      timer.cancel();
      this.#stops.delete(leash);
      this.#enter(result.ok ? 'stopped' : 'failed', result.reason);
      if (!isLate) done(result);
    };
    // What the kernel does not let go when it is killed, such as an umount of a disk that hangs, may never end: the stop has failed all the same.
    const timer = this.#hands.world.timers.after(timeoutMs + ANSWER_SLACK_MS, () => {
      isLate = true;
      this.#enter('failed', `its stop does not end within ${timeoutMs} ms`);
      done(failed(this.#reason));
    });
    if (this.#isMissing) stopFamily(leash.hands, this.#job(), timeoutMs, ended);
    else this.#bound.agent.stop(leash.hands, this.#job(), timeoutMs, ended);
  }

  /** Looks away from it for good; it goes on running. */
  release(): void {
    this.#stopChecks();
    this.#isGone = true;
  }

  /** Its processes have been killed; nothing is asked of it any more. */
  abandon(reason: string, done: (failure: string) => void): void {
    this.release();
    this.#state = 'stopped';
    this.#reason = reason;
    const { agent } = this.#bound;
    if (this.#isMissing) return done('');
    const starting = this.#starting;
    for (const leash of this.#stops) leash.cut();
    if (starting === undefined) return agent.abandon(this.#hands, this.#job(), done);
    starting.leash.cut();
    // What is there now goes at once, and what its last command has still made when that has ended.
    agent.abandon(this.#hands, this.#job(), () =>
      this.#afterStart(() => this.#killLate(() => this.abandon(reason, done))),
    );
  }

  /** What the launcher was still starting when everything else was killed. */
  #killLate(done: () => void): void {
    const { processTrees, timers } = this.#hands.world;
    if (processTrees.killMarked(this.mark) === 0) return done();
    timers.after(LATE_INTERVAL_MS, () => this.#killLate(done));
  }

  #afterStart(go: () => void): void {
    if (this.#starting) this.#starting.onEnded.push(go);
    else go();
  }

  /** What a check says, or what is known when that takes longer: the checks go on by themselves. */
  probe(done: (state: ResourceState) => void): void {
    const { timers } = this.#hands.world;
    const settle = answeredWithin(timers, PROBE.timeoutMs, () => this.#state, done);
    this.#bound.agent.check(this.#hands, this.#job(), PROBE, ({ state }) => settle(state));
  }

  /** Answered once, also where its command is one that the kernel does not let go when it is killed. */
  #check(check: CheckSpec, done: (result: CheckResult) => void): void {
    const { timers } = this.#hands.world;
    const limitMs = check.timeoutMs + ANSWER_SLACK_MS;
    const reason = `its ${check.name} check does not end within ${limitMs} ms`;
    const settle = answeredWithin<CheckResult>(timers, limitMs, () => ({ state: 'failed', reason }), done);
    this.#bound.agent.check(this.#hands, this.#job(), check, settle);
  }

  /** See `Agent.find`. */
  find(timeoutMs: number, done: (isHere: boolean | undefined) => void): void {
    const { agent } = this.#bound;
    if (agent.find === undefined) done(false);
    else agent.find(this.#hands, this.#job(), timeoutMs, done);
  }

  /** A process of it has ended: no need to wait for the next check. */
  processEnded(how: string): void {
    if (this.#state === 'running') this.#enter('failed', `its process ended with ${how}`);
  }

  #run(): void {
    this.#enter('running', '');
    for (const check of this.#bound.agent.checks(this.#bound.params)) this.#schedule(check);
  }

  /** The interval runs from the end of one check to the start of the next: a slow check never overlaps itself. */
  #schedule(check: CheckSpec): void {
    const timer = this.#hands.world.timers.after(check.intervalMs, () => {
      this.#checkTimers.splice(this.#checkTimers.indexOf(timer), 1);
      this.#check(check, (result) => {
        if (this.#isGone || (this.#state !== 'running' && this.#state !== 'failed')) return;
        this.#take(result);
        this.#schedule(check);
      });
    });
    this.#checkTimers.push(timer);
  }

  #take(result: CheckResult): void {
    this.#enter(result.state, result.reason);
  }

  #stopChecks(): void {
    for (const timer of this.#checkTimers.splice(0)) timer.cancel();
  }

  #enter(state: ResourceState, reason: string): void {
    if (this.#isGone || (this.#state === state && this.#reason === reason)) return;
    this.#state = state;
    this.#reason = reason;
    this.#events.onChange();
  }

  #job(): Job<never> {
    return {
      spec: this.spec,
      params: this.#bound.params,
      mark: this.mark,
      processes: this.#processes,
      keep: (processes, done) => {
        this.#processes = processes;
        this.#events.onKeep(done);
      },
    };
  }
}
