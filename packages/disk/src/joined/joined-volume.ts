/**
 * A volume whose replicas are several devices of one host (C3: a LUN of each of two arrays), joined by the mirror itself: each device is a
 * whole replica with its own metadata, and they are each other's peers over streams within this process. The host that serves is their
 * cluster: it grants terms, decides the in-sync set, and puts another device in the lead when the leading one fails.
 *
 * ```
 * idle ──promote──▶ (waiting for its lease) ──▶ opening ──chosen──▶ promoting ──▶ serving ──demote, device taken by another host──▶ closing ──▶ idle
 *                                                  └── refused ───────────┴── lease over ─────┴──────────────────────────────────────────────▲
 * ```
 *
 * Duties
 * 1. A device is open only from `promote` to `demote`: in between another host may have it.
 * 2. A device leads only if it is in the committed set: it has every write that was acknowledged. What was committed is known as long as one
 *    device of the set stays open; when all were closed, another host may have served, and what lies on them decides anew. So it does when a device failed
 *    while it wrote a set down: nobody leads of whom that one would not know when it is there alone.
 * 3. Requests that a failing device left unanswered are asked again of the next leader (`steady-device.ts`).
 * 4. A device that another host has taken ends the term at once, and no device is taken back.
 * 5. In a cluster, which grants a term to one host at a time, devices are opened, and taken from another host, only while this host's lease is valid; when
 *    its grace is over they are closed. Which device leads is none of the cluster's business.
 */
import { EterneError, assert } from '@eterne/base';
import type { BlockDevice, Stream, Timer, World } from '@eterne/runtime';
import type {
  InSyncSet,
  MirrorVolume,
  Others,
  PromoteRequest,
  Term,
  VerifyRequest,
  VolumeConfig,
  VolumeStatus,
} from '../engine/api.ts';
import { chooseLeg, type Choice, type LegStanding } from './choose.ts';
import { joinedStatus, NOTHING_KNOWN, type JoinedView } from './joined-status.ts';
import { Lease } from '../engine/primary/lease.ts';
import { LegArbiter } from './leg-arbiter.ts';
import { legConfig } from './leg-config.ts';
import { LegNetwork } from './leg-network.ts';
import { Leg, type LegOwner } from './leg.ts';
import { SteadyDevice } from './steady-device.ts';

type Done = (error: EterneError | undefined) => void;

/** In a cluster, how long the lease of a term is waited for. */
const LEASE_PATIENCE_MS = 5000;
/** How long a device is waited for when another one is open. */
const OPEN_PATIENCE_MS = 5000;
const LEAD_RETRY_MS = 500;
const PROBE_MS = 1000;
/** Devices with these problems are not there; anything else is a device that must not be used, or is not what it should be. */
const ABSENT = new Set(['unreachable', 'timeout', 'io', 'not-found']);

type State =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'waiting';
      readonly request: PromoteRequest;
      readonly done: Done;
      readonly deadline: Timer;
    }
  | {
      readonly kind: 'opening';
      readonly request: PromoteRequest;
      readonly done: Done;
      readonly deadline: Timer;
      isLate: boolean;
    }
  | { readonly kind: 'promoting'; readonly done: Done }
  | { readonly kind: 'serving'; readonly device: SteadyDevice; readonly prober: Timer }
  | { readonly kind: 'closing' };

export class JoinedVolume implements MirrorVolume, LegOwner {
  readonly config: VolumeConfig;
  readonly rescue = undefined;
  readonly #world: World;
  readonly #legs: readonly Leg[];
  readonly #arbiter: LegArbiter;
  readonly #listeners: (() => void)[] = [];
  readonly #onSettled: (() => void)[] = [];
  #state: State = { kind: 'idle' };
  /** Of a term that a cluster granted; undefined: nothing limits it. */
  #right: { readonly termNumber: number; readonly lease: Lease } | undefined;
  /** The last promotion was a cluster's, whose numbers are not those on the devices. */
  #isGranted = false;
  #toldLease: { readonly validUntilBootMs: number; readonly graceMs: number } | undefined;
  #leader: Leg | undefined;
  #isChangingLeader = false;
  /** Devices that have been open without a break since there was a leader. */
  readonly #held = new Set<Leg>();
  #last: JoinedView['last'] = NOTHING_KNOWN;
  #changeScheduled = false;

  constructor(world: World, config: VolumeConfig) {
    this.#world = world;
    this.config = config;
    assert(config.onPeerLost !== 'ask', 'the configuration refuses it for devices of one host');
    this.#arbiter = new LegArbiter(world.timers, config.onPeerLost);
    const network = new LegNetwork(world.timers);
    const parts = { world, network, arbiter: this.#arbiter, owner: this };
    this.#legs = Object.keys(config.devices ?? {}).map(
      (name) => new Leg({ ...parts, config: legConfig(config, name) }),
    );
  }

  get device(): BlockDevice | undefined {
    return this.#state.kind === 'serving' ? this.#state.device : undefined;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  status(): VolumeStatus {
    return joinedStatus(this.config, {
      legs: this.#legs,
      leader: this.#leader,
      isServing: this.#state.kind === 'serving',
      isOpen: this.#state.kind !== 'idle',
      term: this.#shownTerm(),
      waitingCount: this.#state.kind === 'serving' ? this.#state.device.waitingCount : 0,
      last: this.#last,
    });
  }

  promote(request: PromoteRequest, done: Done): void {
    const { granted } = request;
    const again = (): void => this.promote(request, done);
    if (this.#state.kind === 'serving') return this.#promoteAgain(request, done);
    if (this.#state.kind === 'closing') return void this.#onSettled.push(again);
    if (this.#state.kind !== 'idle') {
      if (granted !== undefined) return void this.#onSettled.push(again);
      return done(new EterneError('busy', `volume ${this.config.name} is changing its role`));
    }
    this.#isGranted = granted !== undefined;
    if (granted === undefined) return this.#open(request, done);
    this.#right = { termNumber: granted.term.number, lease: this.#newLease() };
    // One that was told before may be of an ownership that is over: another host may have begun one since.
    this.#toldLease = undefined;
    const deadline = this.#world.timers.after(LEASE_PATIENCE_MS, () =>
      this.#refuse(refused('this node has no lease for it')),
    );
    this.#state = { kind: 'waiting', request, done, deadline };
    this.#changed();
  }

  #open(request: PromoteRequest, done: Done): void {
    const deadline = this.#world.timers.after(OPEN_PATIENCE_MS, () => this.#patienceIsOver());
    this.#state = { kind: 'opening', request, done, deadline, isLate: false };
    for (const leg of this.#legs) leg.open();
    this.#changed();
  }

  #promoteAgain(request: PromoteRequest, done: Done): void {
    const { granted } = request;
    const present = this.#right?.termNumber;
    if (granted?.term.number === present) return this.#confirm(request, done);
    if (granted === undefined || (present !== undefined && granted.term.number < present))
      return done(refused(`this node serves term ${present} already`));
    this.#stopServing(() => this.promote(request, done));
  }

  #newLease(): Lease {
    const { clock, timers } = this.#world;
    return new Lease(clock, timers, true, {
      lapsed: () => this.#changed(),
      renewed: () => this.#changed(),
      expired: () => this.#leaseIsOver(),
    });
  }

  #openWhenLeased(): void {
    const state = this.#state;
    if (state.kind !== 'waiting' || this.#right?.lease.isValid !== true) return;
    state.deadline.cancel();
    this.#open(state.request, state.done);
  }

  /** Duty 5. */
  #leaseIsOver(): void {
    this.#log('warn', 'the lease has expired');
    if (this.#state.kind === 'serving') this.#stopServing(() => {});
    else this.#refuse(refused('the lease has expired'));
  }

  #shownTerm(): number {
    if (!this.#isGranted) return this.#arbiter.term.number;
    return this.#state.kind === 'serving' ? (this.#right?.termNumber ?? 0) : 0;
  }

  /** It serves already, unless another host has taken the devices meanwhile and this one did not notice. */
  #confirm(request: PromoteRequest, done: Done): void {
    const again = (): void => this.promote(request, done);
    const answered = (isOurs: boolean): void => {
      if (this.#state.kind === 'serving' && isOurs) return done(undefined);
      if (this.#state.kind === 'serving') this.#stopServing(again);
      else again();
    };
    if (this.#leader === undefined) answered(false);
    else this.#leader.probe(answered);
  }

  demote(done: Done): void {
    const state = this.#state;
    switch (state.kind) {
      case 'idle':
        return done(undefined);
      case 'serving':
        return this.#stopServing(() => done(undefined));
      case 'waiting':
        this.#refuse(refused('it is demoted'));
        return this.demote(done);
      default:
        return void this.#onSettled.push(() => this.demote(done));
    }
  }

  verify(request: VerifyRequest, done: Done): void {
    this.#withLeader(done, (leader) => leader.verify(request, done));
  }

  resync(peer: string | undefined, done: Done): void {
    this.#withLeader(done, (leader) => leader.resync(peer, done));
  }

  connect(peer: string, done: Done): void {
    this.#withLeader(done, (leader) => leader.connect(peer, done));
  }

  disconnect(peer: string, done: Done): void {
    this.#withLeader(done, (leader) => leader.disconnect(peer, done));
  }

  /** The device in the lead is `local`. */
  resolve(peer: string | undefined, discard: 'local' | 'remote', done: Done): void {
    if (discard === 'local')
      return done(
        unsupported('demote, and promote with only the device that is to win: then discard the other'),
      );
    this.#withLeader(done, (leader) => leader.resolve(peer, discard, done));
  }

  explainSplitBrains(done: Parameters<MirrorVolume['explainSplitBrains']>[0]): void {
    const leader = this.#leader?.volume;
    if (leader === undefined) done([]);
    else leader.explainSplitBrains(done);
  }

  /** Tries at once to open what is not there. */
  attach(_request: { readonly replaced: boolean }, done: Done): void {
    if (this.#state.kind !== 'serving') return done(refused(`volume ${this.config.name} is not primary`));
    for (const leg of this.#legs) leg.retryNow();
    done(undefined);
  }

  detach(done: Done): void {
    done(unsupported('pull the device: the others go on, and it is brought up to date when it is back'));
  }

  invalidate(done: Done): void {
    done(unsupported('overwrite the metadata of the device with zeroes while this node does not serve'));
  }

  addPeer(_peer: string, _addresses: readonly string[], done: Done): void {
    done(unsupported('a volume with several devices has no peers'));
  }

  setPeers({ peers }: Others, done: Done): void {
    if (Object.keys(peers).length === 0) done(undefined);
    else this.addPeer('', [], done);
  }

  /** All devices together; those that are away and not in the set follow when they are back. */
  resize(sizeBytes: number, done: Done): void {
    this.#withLeader(done, (leader) =>
      leader.resize(sizeBytes, (error) => {
        this.#supervise();
        done(error);
      }),
    );
  }

  acceptStream(stream: Stream): void {
    stream.destroy();
  }

  /** Limits I/O where it is served from, and whether devices may be open here. */
  setLease(lease: { readonly validUntilBootMs: number; readonly graceMs: number }): void {
    this.#toldLease = lease;
    this.#right?.lease.extend(lease.validUntilBootMs, lease.graceMs);
    for (const leg of this.#legs) leg.volume?.setLease(lease);
    this.#openWhenLeased();
  }

  close(done: () => void): void {
    this.demote(() => done());
  }

  // LegOwner

  legMoved(): void {
    const { kind } = this.#state;
    if (kind === 'opening') this.#choose();
    else if (kind === 'serving') this.#supervise();
    this.#changed();
  }

  /** Duty 4. */
  reservedByOther(leg: Leg, message: string): void {
    const { kind } = this.#state;
    if (kind === 'idle' || kind === 'waiting' || kind === 'closing') return;
    this.#log('error', `device ${leg.name} is reserved by another host: ${message}`);
    if (this.#state.kind === 'serving') return this.#stopServing(() => {});
    this.#refuse(refused(`device ${leg.name} is reserved by another host`));
  }

  mayTake(): boolean {
    const { kind } = this.#state;
    // Who gives up may have devices that are still being opened.
    if (kind !== 'opening' && kind !== 'promoting' && kind !== 'serving') return false;
    return this.#right === undefined || this.#right.lease.isValid;
  }

  isRightful(answer: (isRightful: boolean) => void): void {
    if (this.#state.kind !== 'serving' || this.#leader === undefined) answer(false);
    else this.#leader.probe(answer);
  }

  #patienceIsOver(): void {
    if (this.#state.kind !== 'opening') return;
    this.#state.isLate = true;
    this.#choose();
  }

  #choose(): void {
    const state = this.#state;
    if (state.kind !== 'opening') return;
    const isComplete = this.#legs.every((leg) => !leg.isPending);
    const present = this.#standings();
    if (!isComplete && !(state.isLate && present.length > 0)) return;
    const { force, granted } = state.request;
    const bad = this.#legs.find(({ problem }) => problem !== undefined && !isBearable(problem, force));
    if (bad?.problem !== undefined) return this.#refuse(bad.problem);
    const isFirst = granted?.set.version === 0 && present.length === this.#legs.length;
    const only = granted?.set.members[0];
    const choice = chooseLeg({ present, force, isFirst, only });
    if (choice instanceof EterneError) return this.#refuse(this.#withProblems(choice));
    state.deadline.cancel();
    this.#state = { kind: 'promoting', done: state.done };
    this.#promoteFirst(choice);
  }

  #promoteFirst({ leg: name, term: number, setVersion, grantor }: Choice): void {
    const leg = this.#legs.find((each) => each.name === name);
    if (leg === undefined) throw new TypeError(`no device ${name}`);
    const term: Term = { number, grantor: grantor ?? this.#world.random.uuid() };
    this.#grant(leg, term, setVersion, (error) => {
      const state = this.#state;
      if (state.kind !== 'promoting') return;
      if (error !== undefined) return this.#refuse(error);
      const shown = this.#right?.termNumber ?? number;
      const device = new SteadyDevice(this.config.name, leg.volume?.device?.sizeBytes ?? 0, shown);
      const prober = this.#world.timers.every(PROBE_MS, () => {
        for (const each of this.#legs) each.probeIfIdle();
      });
      this.#state = { kind: 'serving', device, prober };
      this.#leads(leg, device);
      state.done(undefined);
      this.#settled();
    });
  }

  #grant(leg: Leg, term: Term, version: number, done: Done): void {
    const set: InSyncSet = { version, members: [leg.name] };
    this.#arbiter.begin(leg.name, term, set);
    const { volume } = leg;
    if (volume === undefined) return done(new EterneError('io', `device ${leg.name} is gone`));
    if (this.#toldLease !== undefined) volume.setLease(this.#toldLease);
    const limits = this.#right === undefined ? ({ withoutLease: true } as const) : {};
    volume.promote({ force: false, granted: { term, set }, ...limits }, (error) => {
      // That it failed does not mean that nothing of it lies on the device.
      if (error === undefined) this.#arbiter.begun();
      else this.#arbiter.end();
      done(error);
    });
  }

  #leads(leg: Leg, device: SteadyDevice): void {
    this.#leader = leg;
    for (const each of this.#legs) if (each.volume !== undefined) this.#held.add(each);
    this.#log('info', `served from device ${leg.name}`);
    device.follow(leg.volume?.device);
    this.#supervise();
    this.#changed();
  }

  /** Sees to it that failed devices come back, and that a good one leads. */
  #supervise(): void {
    const state = this.#state;
    if (state.kind !== 'serving') return;
    const leader = this.#leader;
    for (const leg of this.#legs) if (leg !== leader && hasFailed(leg)) this.#reopen(leg);
    const { volume } = leader ?? {};
    if (leader !== undefined && volume?.device !== undefined && !hasFailed(leader)) {
      for (const leg of this.#legs) if (leg.volume !== undefined) this.#held.add(leg);
      state.device.grown(volume.device.sizeBytes);
      this.#last = lastOf(volume.status());
      return;
    }
    if (leader !== undefined) {
      this.#log('warn', `device ${leader.name} has failed`);
      this.#leader = undefined;
      state.device.follow(undefined);
      this.#arbiter.end(volume?.standing.set);
      this.#reopen(leader);
    }
    this.#changeLeader(state.device);
  }

  #reopen(leg: Leg): void {
    this.#held.delete(leg);
    leg.reopen();
  }

  #changeLeader(device: SteadyDevice): void {
    if (this.#isChangingLeader || this.#state.kind !== 'serving') return;
    if (this.#hasAnotherServed()) {
      this.#log('error', 'another host has served meanwhile');
      return this.#stopServing(() => {});
    }
    const next = this.#nextLeader();
    if (next === undefined) return;
    const { leg, setVersion, term } = next;
    this.#isChangingLeader = true;
    this.#grant(leg, { ...this.#arbiter.term, number: term }, setVersion, (error) => {
      this.#isChangingLeader = false;
      if (this.#state.kind !== 'serving') return;
      if (error === undefined) return this.#leads(leg, device);
      this.#log('warn', `device ${leg.name} cannot lead: ${error.message}`);
      this.#world.timers.after(LEAD_RETRY_MS, () => this.#supervise());
    });
  }

  /**
   * Whoever does leads by one of the devices that had everything, which remembers it. Of a term that came to nothing here it is not known whether it is ours or
   * another host's, which counts on from the same number.
   */
  #hasAnotherServed(): boolean {
    const { concerned, hasBegun, term } = this.#arbiter;
    return this.#legs.some((leg) => {
      const standing = leg.volume === undefined || hasFailed(leg) ? undefined : leg.volume.standing;
      if (standing === undefined || standing.justCreated) return false;
      if (standing.term.grantor !== term.grantor) return concerned.includes(leg.name);
      if (standing.term.number !== term.number) return standing.term.number > term.number;
      return !hasBegun && this.#couldBeAnothers(leg);
    });
  }

  #couldBeAnothers(leg: Leg): boolean {
    return this.#right === undefined && leg.devicePath.startsWith('iscsi://') && !this.#held.has(leg);
  }

  /** Duty 2. */
  #nextLeader(): { readonly leg: Leg; readonly term: number; readonly setVersion: number } | undefined {
    const { heirs, set, term } = this.#arbiter;
    const mayLead = (leg: Leg): boolean =>
      leg.volume !== undefined && !hasFailed(leg) && heirs.includes(leg.name);
    const heir = [...this.#held].find(mayLead);
    if (heir !== undefined) return { leg: heir, term: term.number + 1, setVersion: set.version + 1 };
    const choice = chooseLeg({ present: this.#standings(), force: false });
    const leg =
      choice instanceof EterneError ? undefined : this.#legs.find(({ name }) => name === choice.leg);
    if (choice instanceof EterneError || leg === undefined) return undefined;
    // In the first term nothing may lie on any device yet.
    return {
      leg,
      term: 1 + Math.max(term.number, choice.term),
      setVersion: 1 + Math.max(set.version, choice.setVersion),
    };
  }

  #stopServing(done: () => void): void {
    const state = this.#state;
    if (state.kind !== 'serving') return;
    state.prober.cancel();
    state.device.end();
    this.#closeLegs(done);
    this.#changed();
  }

  #refuse(error: EterneError): void {
    const state = this.#state;
    if (state.kind !== 'waiting' && state.kind !== 'opening' && state.kind !== 'promoting') return;
    if (state.kind !== 'promoting') state.deadline.cancel();
    this.#closeLegs(() => state.done(error));
  }

  #closeLegs(done: () => void): void {
    this.#state = { kind: 'closing' };
    this.#leader = undefined;
    this.#right?.lease.end();
    this.#right = undefined;
    this.#held.clear();
    let open = this.#legs.length;
    for (const leg of this.#legs)
      leg.close(() => {
        open -= 1;
        if (open > 0) return;
        this.#arbiter.end();
        this.#state = { kind: 'idle' };
        this.#changed();
        done();
        this.#settled();
      });
  }

  #settled(): void {
    for (const then of this.#onSettled.splice(0)) then();
  }

  #standings(): readonly LegStanding[] {
    return this.#legs.flatMap((leg) =>
      leg.volume === undefined || hasFailed(leg) ? [] : { name: leg.name, ...leg.volume.standing },
    );
  }

  /** Names what kept devices away. */
  #withProblems(error: EterneError): EterneError {
    const problems = this.#legs.flatMap(({ name, problem }) =>
      problem ? `${name}: ${problem.message}` : [],
    );
    if (problems.length === 0) return error;
    const { hint } = error;
    return new EterneError(
      error.code,
      `${error.message} (${problems.join('; ')})`,
      hint === undefined ? {} : { hint },
    );
  }

  #withLeader(done: Done, act: (leader: NonNullable<Leg['volume']>) => void): void {
    const volume = this.#leader?.volume;
    if (volume === undefined) done(refused(`volume ${this.config.name} is not primary`));
    else act(volume);
  }

  #log(level: 'info' | 'warn' | 'error', message: string): void {
    this.#world.log(level, `volume ${this.config.name}: ${message}`);
  }

  #changed(): void {
    if (this.#changeScheduled) return;
    this.#changeScheduled = true;
    this.#world.timers.soon(() => {
      this.#changeScheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

function lastOf({ inSyncSet, setVersion, generation, sizeBytes }: VolumeStatus): JoinedView['last'] {
  return { inSyncSet, setVersion, generation, sizeBytes };
}

function hasFailed(leg: Leg): boolean {
  return leg.volume?.status().disk === 'Failed';
}

/** May one go on without a device with this problem? Never while another host has it. */
function isBearable({ code }: EterneError, force: boolean): boolean {
  return ABSENT.has(code) || (force && code !== 'busy');
}

function refused(message: string): EterneError {
  return new EterneError('refused', message);
}

function unsupported(message: string): EterneError {
  return new EterneError('unsupported', message);
}
