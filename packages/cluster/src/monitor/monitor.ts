/**
 * The monitor: starts, stops and watches resources through their agents, and kills them when their group's lease has lapsed. It
 * decides nothing else.
 *
 * 1. Nothing is started without a live lease of its group.
 * 2. What is started is on record, durably, before it runs, and is guarded by heart and monitor from that moment.
 * 3. A restarted monitor adopts what its predecessor started; it never starts anything by itself.
 * 4. A lapsed lease (grace included) kills the whole group; no stop scripts. So does the end of the node.
 * 5. What was killed is stopped when it has ended, not before: something else is started in its place then.
 * 6. A start that still waits (for its lease, for what is in its place to be stopped) is not begun after a kill of its group, nor after the end of the
 *    service that asked for it, nor after an order of the next one: that has decided on what it found.
 */
import { EterneError } from '@eterne/base';
import type { FileSystems, Interfaces, Random, Timer } from '@eterne/runtime';
import { Fencer } from '../fencing/fencer.ts';
import type { FenceOrder, FenceResult } from '../fencing/order.ts';
import type { Registration } from '../heart/guard.ts';
import type { Lease } from '../heart/lease-client.ts';
import { Reaper } from '../heart/reaper.ts';
import { startedPath } from '../node/layout.ts';
import type {
  ActionResult,
  DrillOrder,
  MonitorPort,
  ResourceReport,
  ResourceSpec,
  ResourceState,
  WatchOrder,
} from '../ports.ts';
import { failed, succeeded, type Hands } from './agents/agent.ts';
import { bindAgent, type BoundAgent } from './agents/registry.ts';
import type { FenceDevice } from '../state/model.ts';
import { mountPointOf } from '../state/references.ts';
import { DrillRecords } from './drill-records.ts';
import { LeaseGate } from './lease-gate.ts';
import { clearLeftovers } from './leftovers.ts';
import { pingAny } from './ping.ts';
import { RecordBook, type StartedRecord } from './record-book.ts';
import { Resource } from './resource.ts';
import { FootingWatch } from './watch/footing-watch.ts';
import type { Trouble } from '../state/watch.ts';

const REPORT_INTERVAL_MS = 1000;
/** How long a start waits for the lease that its service has already seen. */
const LEASE_WAIT_MS = 1000;
/** Between two looks at what is dying. */
const DYING_INTERVAL_MS = 20;
/** Name of the mark in the environment of everything started. */
const MARK = 'ETERNE_RESOURCE';

/** What the monitor needs of the heart. */
export interface MonitorHeart {
  onLease(listener: (leases: ReadonlyMap<string, Lease>) => void): void;
  register(registrations: readonly Registration[]): void;
}

export type MonitorHands = Hands & {
  readonly world: Hands['world'] & { readonly random: Random };
  readonly interfaces: Interfaces;
  readonly fileSystems: FileSystems;
};

const OVERTAKEN = 'its group was killed, or who asked for it ended, before it was started';

const keyOf = (group: string, name: string): string => `${group}/${name}`;
const registrationOf = ({ record: { spec, processes, mark } }: Resource): Registration => ({
  group: spec.group,
  resource: spec.name,
  processes,
  mark,
});

export class Monitor implements MonitorPort {
  readonly #hands: MonitorHands;
  readonly #heart: MonitorHeart;
  readonly #book: RecordBook;
  readonly #gate: LeaseGate;
  readonly #reaper: Reaper;
  readonly #fencer: Fencer;
  readonly #resources = new Map<string, Resource>();
  /** Killed, and not yet taken away from the kernel, or not to be taken away: still on record, and asked again with the next kill. */
  readonly #abandoned = new Set<Resource>();
  /** Group that is being taken away → who waits for that. */
  readonly #abandoning = new Map<string, (() => void)[]>();
  /** Group → how often it was killed: a start that was asked for before is not begun after it. */
  readonly #kills = new Map<string, number>();
  readonly #drills = new Map<string, DrillRecords>();
  readonly #listeners: ((reports: readonly ResourceReport[]) => void)[] = [];
  readonly #footing: FootingWatch;
  readonly #troubleListeners: ((troubles: readonly Trouble[]) => void)[] = [];
  #reportTimer: Timer | undefined;
  #reportSoon = false;
  #isEnding = false;

  constructor(hands: MonitorHands, heart: MonitorHeart) {
    this.#hands = hands;
    this.#heart = heart;
    this.#book = new RecordBook(hands.world.files, startedPath(hands.dir));
    this.#gate = new LeaseGate(hands.world);
    this.#fencer = new Fencer(hands.world);
    this.#footing = new FootingWatch(hands, (troubles) => {
      for (const listener of this.#troubleListeners) listener(troubles);
    });
    this.#reaper = new Reaper(hands.world, (groups) => {
      for (const group of groups) this.#condemned(group);
      for (const group of groups)
        this.#forgetGroup(group, 'killed: the lease of its group has lapsed', (failure) => {
          if (failure !== '')
            hands.world.log('error', 'something of a killed group is left', { group, failure });
        });
    });
  }

  /** Adopts what the predecessor started, then serves. */
  open(done: (error: EterneError | undefined) => void): void {
    clearLeftovers(this.#hands, (leftover) => (leftover ? done(leftover) : this.#openBook(done)));
  }

  #openBook(done: (error: EterneError | undefined) => void): void {
    this.#book.read((records) => {
      if (records instanceof EterneError) return done(records);
      for (const record of records) this.#adopt(record);
      this.#heart.onLease((leases) => {
        this.#reaper.leased(leases);
        this.#gate.leased(leases);
      });
      this.#guard();
      this.#hands.spawner.onExit(({ process, code, signal }) => {
        for (const resource of this.#resources.values())
          if (resource.owns(process)) resource.processEnded(signal ?? `exit code ${code}`);
      });
      this.#reportTimer = this.#hands.world.timers.every(REPORT_INTERVAL_MS, () => this.#report());
      done(undefined);
    });
  }

  /** Leaves everything as it is: running. */
  close(): void {
    for (const resource of this.#resources.values()) resource.release();
    this.#reportTimer?.cancel();
    this.#footing.close();
    this.#reaper.close();
  }

  /** The node ends: with its processes goes what would outlive them here, and on another node soon. */
  end(done: () => void): void {
    this.#isEnding = true;
    const here = [...this.#resources.values(), ...this.#abandoned];
    const groups = new Set(here.map(({ spec }) => spec.group));
    const ended = (group: string): void => {
      if (groups.delete(group) && groups.size === 0) done();
    };
    if (groups.size === 0) return done();
    for (const group of groups)
      this.kill(group, (error) => {
        if (error) this.#hands.world.log('error', 'something is left', { reason: error.message });
        ended(group);
      });
  }

  /** `isMeant`: whoever asked for it is still there (duty 6). */
  start(
    spec: ResourceSpec,
    epoch: number,
    timeoutMs: number,
    done: (result: ActionResult) => void,
    isMeant: () => boolean = () => true,
  ): void {
    if (this.#isEnding) return done(failed('the node is stopping'));
    const bound = this.#bind(spec);
    if (bound instanceof EterneError) return done(failed(bound.message));
    const kills = this.#killsOf(spec.group);
    const isStillMeant = (): boolean => isMeant() && this.#killsOf(spec.group) === kills;
    this.#gate.pass(spec.group, epoch, Math.min(LEASE_WAIT_MS, timeoutMs), (isLeased) => {
      if (!isStillMeant()) return done(failed(OVERTAKEN));
      if (!isLeased) return done(failed(`this node holds no lease of group ${spec.group} (epoch ${epoch})`));
      const present = this.#resources.get(keyOf(spec.group, spec.name));
      if (present === undefined) return this.#startNew(bound, spec, epoch, timeoutMs, done);
      this.#startPresent(present, spec, timeoutMs, done, () => {
        if (isStillMeant()) this.start(spec, epoch, timeoutMs, done, isMeant);
        else done(failed(OVERTAKEN));
      });
    });
  }

  stop(spec: ResourceSpec, timeoutMs: number, done: (result: ActionResult) => void): void {
    const { clock, timers } = this.#hands.world;
    const untilBootMs = clock.bootMs() + timeoutMs;
    const look = (): void => {
      if (!this.#isDying(spec.group)) return this.#stopNow(spec, timeoutMs, done);
      if (clock.bootMs() >= untilBootMs) return done(failed('what was killed of its group does not end'));
      timers.after(DYING_INTERVAL_MS, look);
    };
    look();
  }

  #condemned(group: string): void {
    this.#endDrill(group);
    this.#kills.set(group, this.#killsOf(group) + 1);
  }

  #killsOf(group: string): number {
    return this.#kills.get(group) ?? 0;
  }

  /** Duty 5. */
  #isDying(group: string): boolean {
    return this.#reaper.isKillingGroup(group) || this.#abandoning.has(group);
  }

  #stopNow(spec: ResourceSpec, timeoutMs: number, done: (result: ActionResult) => void): void {
    // Its owner ends it before this, unless its service was restarted meanwhile.
    if (this.#drills.get(spec.group)?.directory === mountPointOf(spec)) this.#endDrill(spec.group);
    const key = keyOf(spec.group, spec.name);
    const resource = this.#resources.get(key) ?? this.#stranger(spec);
    if (resource instanceof EterneError) return done(failed(resource.message));
    resource.stop(timeoutMs, (result) => {
      if (!result.ok || this.#resources.get(key) !== resource) return done(result);
      this.#resources.delete(key);
      this.#guard();
      this.#keep(() => done(result));
    });
  }

  probe(spec: ResourceSpec, done: (state: ResourceState) => void): void {
    const present = this.#resources.get(keyOf(spec.group, spec.name));
    if (present === undefined) return done('stopped');
    if (present.state !== 'running' && present.state !== 'failed') return done(present.state);
    present.probe(done);
  }

  find(spec: ResourceSpec, timeoutMs: number, done: (isHere: boolean | undefined) => void): void {
    const present = this.#resources.get(keyOf(spec.group, spec.name));
    const resource = present ?? this.#stranger(spec);
    if (present !== undefined || resource instanceof EterneError)
      return this.#hands.world.timers.soon(() => done(present !== undefined));
    resource.find(timeoutMs, done);
  }

  drill({ verb, group, drill, directory }: DrillOrder, done: (records: number | EterneError) => void): void {
    const present = this.#drills.get(group);
    if (verb === 'count') return new DrillRecords(this.#hands.world, directory, drill).count(done);
    if (verb === 'end') {
      this.#drills.delete(group);
      if (present?.drill === drill) return present.end(done);
      return done(new EterneError('not-found', `no records of drill ${drill} are being written`));
    }
    if (present?.drill === drill) return done(0);
    present?.end(() => {});
    const records = new DrillRecords(this.#hands.world, directory, drill);
    this.#drills.set(group, records);
    records.begin((error) => done(error ?? 0));
  }

  kill(group: string, done: (error: EterneError | undefined) => void): void {
    this.#condemned(group);
    this.#reaper.killGroup(group, () => {
      this.#forgetGroup(group, 'killed', (failure) =>
        done(failure === '' ? undefined : new EterneError('busy', `group ${group}: ${failure}`)),
      );
    });
  }

  fence(order: FenceOrder, done: (result: FenceResult) => void): void {
    this.#fencer.fence(order, done);
  }

  ping(addresses: readonly string[], done: (reached: boolean) => void): void {
    pingAny(this.#hands.world, addresses, done);
  }

  checkFence(device: FenceDevice, done: (trouble: string | undefined) => void): void {
    this.#fencer.check(device, done);
  }

  watch(order: WatchOrder, done: (error: EterneError | undefined) => void): void {
    this.#footing.follow(order);
    this.#hands.world.timers.soon(() => done(undefined));
  }

  onTroubles(listener: (troubles: readonly Trouble[]) => void): void {
    this.#troubleListeners.push(listener);
  }

  get reports(): readonly ResourceReport[] {
    return [...this.#resources.values()].map(({ report }) => report);
  }

  onReport(listener: (reports: readonly ResourceReport[]) => void): void {
    this.#listeners.push(listener);
    this.#reportChange();
  }

  /** What is open on the group's file system would keep it from being taken away. */
  #endDrill(group: string): void {
    this.#drills.get(group)?.end(() => {});
    this.#drills.delete(group);
  }

  #bind(spec: ResourceSpec): BoundAgent<never> | EterneError {
    try {
      return bindAgent(spec.type, spec.params);
    } catch (error) {
      if (error instanceof EterneError) return error;
      throw error;
    }
  }

  #startNew(
    bound: BoundAgent<never>,
    spec: ResourceSpec,
    epoch: number,
    timeoutMs: number,
    done: (result: ActionResult) => void,
  ): void {
    const mark = `${MARK}=${this.#hands.world.random.uuid()}`;
    const record: StartedRecord = { spec, epoch, mark, processes: [], outputs: undefined };
    this.#add(bound, record).start((recorded) => this.#keep(recorded), timeoutMs, done);
  }

  /** Still there, for example because the service was restarted: kept when it is well, else cleared away and started `anew`. */
  #startPresent(
    present: Resource,
    spec: ResourceSpec,
    timeoutMs: number,
    done: (result: ActionResult) => void,
    anew: () => void,
  ): void {
    if (['starting', 'stopping', 'unknown'].includes(present.state))
      return done(failed(`${spec.name} is ${present.state}`));
    const isSame = JSON.stringify(present.spec) === JSON.stringify(spec);
    if (isSame && present.state === 'running') return done(succeeded(present.outputs));
    this.stop(spec, timeoutMs, (result) => {
      if (result.ok) anew();
      else done(result);
    });
  }

  #adopt(record: StartedRecord): void {
    const bound = this.#bind(record.spec);
    if (bound instanceof EterneError) {
      this.#hands.world.log('error', 'cannot adopt', { resource: record.spec, reason: bound.message });
      return;
    }
    this.#add(bound, record).adopt();
  }

  /** What was never started here can be looked for, and stopped, all the same. */
  #stranger(spec: ResourceSpec): Resource | EterneError {
    const bound = this.#bind(spec);
    if (bound instanceof EterneError) return bound;
    const mark = `${MARK}=${this.#hands.world.random.uuid()}`;
    const record: StartedRecord = { spec, epoch: 0, mark, processes: [], outputs: undefined };
    return new Resource(this.#hands, bound, record, { onChange: () => {}, onKeep: (done) => done() });
  }

  #add(bound: BoundAgent<never>, record: StartedRecord): Resource {
    const resource = new Resource(this.#hands, bound, record, {
      onChange: () => this.#reportChange(),
      onKeep: (done) => {
        this.#guard();
        this.#keep(() => done());
      },
    });
    this.#resources.set(keyOf(record.spec.group, record.spec.name), resource);
    this.#guard();
    return resource;
  }

  /** Its processes are dead. What outlives them is taken away in reverse order; `done` hears what is left. */
  #forgetGroup(group: string, reason: string, done: (failure: string) => void): void {
    const waiting = this.#abandoning.get(group);
    if (waiting) return void waiting.push(() => this.#forgetGroup(group, reason, done));
    const ofGroup = [...this.#resources.values()].filter(({ spec }) => spec.group === group).toReversed();
    const before = [...this.#abandoned].filter(({ spec }) => spec.group === group);
    for (const resource of ofGroup) {
      this.#resources.delete(keyOf(group, resource.spec.name));
      this.#abandoned.add(resource);
    }
    this.#tell(ofGroup.map(({ spec }) => ({ group, resource: spec.name, state: 'stopped', reason })));
    this.#guard();
    this.#abandoning.set(group, []);
    this.#abandon([...ofGroup, ...before], reason, (failure) => {
      const waited = this.#abandoning.get(group) ?? [];
      this.#abandoning.delete(group);
      done(failure);
      for (const again of waited) again();
    });
    return undefined;
  }

  #abandon(resources: readonly Resource[], reason: string, done: (failure: string) => void): void {
    const [first, ...rest] = resources;
    if (first === undefined) return this.#keep(() => done(''));
    first.abandon(reason, (failure) => {
      if (failure === '') this.#abandoned.delete(first);
      this.#guard();
      this.#abandon(rest, reason, (others) => done([failure, others].filter(Boolean).join('; ')));
    });
  }

  /** Tells both reapers, ours and the heart's, what they guard; the heart also what is not gone yet, for its vigil. */
  #guard(): void {
    const guarded = [...this.#resources.values()].map(registrationOf);
    this.#reaper.register(guarded);
    this.#heart.register([...guarded, ...[...this.#abandoned].map(registrationOf)]);
  }

  #keep(done: (error: EterneError | undefined) => void): void {
    const onRecord = [...this.#abandoned, ...this.#resources.values()];
    this.#book.write(
      onRecord.map(({ record }) => record),
      (error) => {
        if (error)
          this.#hands.world.log('error', 'cannot keep the record of what is started', {
            reason: error.message,
          });
        done(error);
      },
    );
  }

  #reportChange(): void {
    if (this.#reportSoon) return;
    this.#reportSoon = true;
    this.#hands.world.timers.soon(() => {
      this.#reportSoon = false;
      this.#report();
    });
  }

  #report(): void {
    this.#tell(this.reports);
  }

  #tell(reports: readonly ResourceReport[]): void {
    for (const listener of this.#listeners) listener(reports);
  }
}
