/**
 * The heart: beats on every path, knows who lives, carries lease requests and grants. The driver of `Peer` and `LeaseClient` on a
 * network of datagrams (`sockets.ts`) and on heartbeat disks (`slot-board.ts`); `server.ts` puts it behind a unix socket. Members, their addresses
 * and the profile change while it runs (`configure`).
 *
 * 1. A datagram or slot changes nothing before its MAC, its receiver and its sequence are right.
 * 2. Requests and grants travel on every path of datagrams that is up; whichever copy arrives first counts.
 * 3. A request goes to whoever granted last; when that one has been silent for a while, to everybody.
 * 4. A slower rhythm begins only when everybody has had the time to hear of it: what it sends says it (envelope.ts), and until then it goes on with the
 *    faster one.
 * 5. What says its life comes from the member that is meant, or is dropped; what does not say it, too, once it is told which member that is. This heart says its own as soon as anybody
 *    says his: every program knows it then, also where this node's service is late to hear of that.
 * 6. In a large cluster only the leader beats fast to everybody (quiet.ts).
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { EterneError } from '@eterne/base';
import type { Address, SharedDisks, Timer, World } from '@eterne/runtime';
import type { HeartPort, LeaseGrant, LeaseRequest, PathStatus } from '../ports.ts';
import { PROFILES } from '../profiles.ts';
import type { Profile } from '../state/model.ts';
import { waysBetween, type Way } from '../state/places.ts';
import { Drops, type DropCounts, type DropReason } from './drops.ts';
import { LeaseClient, type Lease } from './lease-client.ts';
import { type Path, udpEnds, type UdpEnds } from './path.ts';
import { Peer } from './peer.ts';
import type { HeartMember, HeartSetup } from './setup.ts';
import { pathStatus, roundedMs } from './path-status.ts';
import {
  BEATS_PER_SLOW_BEAT,
  granted,
  isBeatenFast,
  paceTo,
  REQUESTS_PER_CALL_TO_ALL,
  type Granting,
  type Pace,
} from './quiet.ts';
import { SlotBoard } from './slot-board.ts';
import { HeartSockets } from './sockets.ts';
import type { HeartTiming } from './timing.ts';
import { decodeBeat, encodeBeat } from './wire/beat.ts';
import {
  bodyBytesMax,
  KIND_BEAT,
  KIND_LEASE_GRANT,
  KIND_LEASE_REQUEST,
  open,
  seal,
  SESSION_BYTES,
  type Envelope,
  type Kind,
} from './wire/envelope.ts';
import { decodeLeaseGrant, encodeLeaseGrant, type LeaseGrantBody } from './wire/lease-grant.ts';
import { decodeLeaseRequest, encodeLeaseRequest } from './wire/lease-request.ts';

const REPORT_INTERVAL_MS = 1000;
/** So that each of a peer's slots is read before the next one takes its place. */
const LOOKS_PER_BEAT = 2;

export type HeartWorld = Pick<World, 'clock' | 'timers' | 'random' | 'network' | 'log'>;

export interface HeartOptions {
  readonly node: string;
  /** Which member of that name this node is. */
  readonly life: string;
  /** 32 bytes, the same on every node. */
  readonly clusterKey: Buffer;
  /** What to bind, one per path, until the setup says otherwise. */
  readonly addresses: readonly Address[];
  /** A witness carries no groups and asks for no leases. */
  readonly asksForLeases: boolean;
  /** A witness has none. */
  readonly disks?: SharedDisks;
}

type LivenessListener = Parameters<HeartPort['onLiveness']>[0];
type LeaseListener = (leases: ReadonlyMap<string, Lease>) => void;

/** The watchdog is beside it (`watchdog.ts`). */
type WithoutWatchdog = Omit<HeartPort, 'setWatchdog' | 'onWatchdog'>;

export class Heart implements WithoutWatchdog {
  readonly #world: HeartWorld;
  readonly #options: HeartOptions;
  /** Made once: a raw key is judged anew, slowly, for every datagram. */
  readonly #key: KeyObject;
  readonly #session: string;
  readonly #leases: LeaseClient;
  readonly #peers = new Map<string, Peer>();
  /** Newest sequence sent, by receiver; outlives a peer that leaves and comes back, as our session does. */
  readonly #sequences = new Map<string, number>();
  readonly #sockets: HeartSockets;
  readonly #timers: Timer[] = [];
  /** Those of the rhythm. */
  #rhythm: readonly Timer[] = [];
  /** Ends the faster rhythm of before. */
  #slowing: Timer | undefined;
  #addresses: readonly Address[];
  #profile: Profile = 'lan';
  #tellsDisks = false;
  #tellsLife = false;
  readonly #board: SlotBoard;
  readonly #drops = new Drops();
  readonly #livenessListeners: LivenessListener[] = [];
  readonly #requestListeners: ((request: LeaseRequest) => void)[] = [];
  readonly #leaseListeners: LeaseListener[] = [];
  #leader: Granting | undefined;
  /** Duty 6. */
  #quiet = false;
  #beats = 0;
  #lastPicture = '';
  /** Fires when the first path would fall silent that is up now. */
  #silence: { readonly dueMs: number; readonly timer: Timer } | undefined;
  /** Of the rhythm that is kept now. */
  #beatIntervalMs = 0;
  #looking: Timer | undefined;

  constructor(world: HeartWorld, options: HeartOptions) {
    this.#world = world;
    this.#options = options;
    this.#key = createSecretKey(options.clusterKey);
    this.#addresses = options.addresses;
    this.#sockets = new HeartSockets(world, (payload, local, from) => this.#receive(payload, local, from));
    this.#session = world.random.bytes(SESSION_BYTES).toString('hex');
    this.#leases = new LeaseClient(this.#session);
    this.#board = new SlotBoard({
      world,
      ...(options.disks && { disks: options.disks }),
      key: this.#key,
      node: options.node,
      session: this.#session,
      silenceMs: () => this.#timing.silenceMs,
      profile: () => (this.#tellsDisks ? this.#profile : null),
      life: () => this.#life,
      onLife: () => (this.#tellsLife = true),
      peers: this.#peers,
      onDrop: (reason) => this.#drops.count(reason),
      onStarted: () => this.#reportIfChanged(),
    });
  }

  /** Binds its addresses, then beats. */
  open(done: (error: EterneError | undefined) => void): void {
    this.#sockets.open(this.#addresses, (error) => {
      if (error) return done(error);
      // What has been configured meanwhile.
      this.#sockets.configure(this.#addresses);
      this.#startTimers();
      return done(undefined);
    });
  }

  close(): void {
    for (const timer of [...this.#timers.splice(0), ...this.#rhythm]) timer.cancel();
    this.#slowing?.cancel();
    this.#looking?.cancel();
    this.#silence?.timer.cancel();
    this.#sockets.close();
    this.#board.close();
  }

  get #timing(): HeartTiming {
    return PROFILES[this.#profile].heart;
  }

  /** The addresses bound, with real ports. */
  get addresses(): readonly string[] {
    return this.#sockets.bound;
  }

  /** Everything dropped since the start, also what came by no path: each path counts its own beside it. */
  get dropped(): DropCounts {
    return this.#drops.counts;
  }

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases.leases;
  }

  get #life(): string | null {
    return this.#tellsLife ? this.#options.life : null;
  }

  /** A peer that stays keeps its session, and paths that stay their state. */
  configure(setup: HeartSetup): void {
    const { node: self } = this.#options;
    const others = setup.members.filter(({ node }) => node !== self);
    this.#addresses = setup.members.find(({ node }) => node === self)?.addresses ?? this.#addresses;
    if (this.#isOpen) this.#sockets.configure(this.#addresses);
    this.#tellsDisks = setup.rhythmOnDisks ?? false;
    this.#tellsLife ||= setup.members.some(({ life = null }) => life !== null);
    this.#quiet = setup.quiet ?? false;
    this.#retime(setup.profile ?? 'lan');
    for (const [name, peer] of this.#peers)
      if (!others.some(({ node, life = null }) => node === name && peer.isMeantBy(life)))
        this.#peers.delete(name);
    for (const member of others) this.#connect(member, setup);
    this.#board.configure(setup);
    this.#lookAtDisks();
    this.#beat();
    this.#reportLiveness();
  }

  onLiveness(listener: LivenessListener): void {
    this.#livenessListeners.push(listener);
  }

  onLeaseRequest(listener: (request: LeaseRequest) => void): void {
    this.#requestListeners.push(listener);
  }

  onLease(listener: LeaseListener): void {
    this.#leaseListeners.push(listener);
  }

  grant({ request, durationMs, graceMs, groups }: LeaseGrant): void {
    const { bootId: session, sequence: number, node } = request;
    const body = { session, number, durationMs, graceMs, entries: groups };
    if (node === this.#options.node) return this.#receiveGrant(node, body);
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    const ends = { from: this.#options.node, to: node, life: this.#life };
    for (const part of encodeLeaseGrant(body, bodyBytesMax(ends)))
      this.#sendEverywhere(peer, KIND_LEASE_GRANT, part);
  }

  /** What a local daemon still knew of leases granted before this heart started. */
  recall(leases: ReadonlyMap<string, Lease>): void {
    for (const [group, lease] of leases) this.#leases.recall(group, lease);
    this.#reportLeases();
  }

  /** The whole picture once more, for a listener that has just come. */
  repeat(): void {
    this.#reportLiveness();
    this.#reportLeases();
  }

  #startTimers(): void {
    const { timers } = this.#world;
    this.#timers.push(timers.every(REPORT_INTERVAL_MS, () => this.#reportLiveness()));
    this.#beginRhythm();
  }

  get #isOpen(): boolean {
    return this.#timers.length > 0;
  }

  #beginRhythm(): void {
    const { timers } = this.#world;
    const { beatIntervalMs, leaseIntervalMs } = this.#timing;
    for (const timer of this.#rhythm) timer.cancel();
    this.#beatIntervalMs = beatIntervalMs;
    this.#looking?.cancel();
    this.#looking = undefined;
    this.#lookAtDisks();
    this.#rhythm = [
      timers.every(beatIntervalMs, () => {
        this.#beat();
        this.#reportIfChanged();
      }),
      timers.every(leaseIntervalMs, () => this.#options.asksForLeases && this.#requestLease()),
    ];
  }

  /** As long as there are any. */
  #lookAtDisks(): void {
    const isWanted = this.#beatIntervalMs > 0 && !this.#board.isEmpty;
    if (isWanted === (this.#looking !== undefined)) return;
    this.#looking?.cancel();
    const intervalMs = this.#beatIntervalMs / LOOKS_PER_BEAT;
    this.#looking = isWanted
      ? this.#world.timers.every(intervalMs, () => {
          this.#board.look();
          this.#reportIfChanged();
        })
      : undefined;
  }

  /** Duty 4. */
  #retime(profile: Profile): void {
    if (profile === this.#profile) return;
    const before = this.#timing;
    this.#profile = profile;
    this.#slowing?.cancel();
    if (!this.#isOpen) return;
    if (this.#timing.beatIntervalMs <= before.beatIntervalMs) this.#beginRhythm();
    else this.#slowing = this.#world.timers.after(this.#timing.silenceMs, () => this.#beginRhythm());
  }

  #connect(member: HeartMember, { disks }: HeartSetup): void {
    const { node: self } = this.#options;
    const { node, addresses, slot = null } = member;
    const ends = waysBetween(this.#addresses, addresses).map(udpEnds);
    const rhythm = {
      silenceMs: () => this.#timing.silenceMs,
      mayBeSlower: () => !this.#quiet || !isBeatenFast(this.#leader, self, this.#world.clock.bootMs()),
    };
    const peer = this.#peers.get(node) ?? new Peer(node, this.#session, rhythm);
    peer.life = member.life ?? null;
    this.#peers.set(node, peer);
    peer.connect(ends, slot, this.#board.endsOf(disks), this.#world.clock.bootMs());
  }

  #beat(): void {
    const nowMs = this.#world.clock.bootMs();
    this.#beats += 1;
    // The slow ones are spread over the beats.
    for (const [place, peer] of [...this.#peers.values()].entries()) {
      if (this.#paceTo(peer, nowMs) === 'slow' && (this.#beats + place) % BEATS_PER_SLOW_BEAT !== 0) continue;
      for (const [index, path] of peer.paths.entries()) this.#sendBeat(peer, index, path, nowMs);
    }
  }

  #paceTo(peer: Peer, nowMs: number): Pace {
    return this.#quiet ? paceTo(this.#leader, this.#options.node, peer.name, nowMs) : 'fast';
  }

  #sendBeat(peer: Peer, index: number, path: Path, nowMs: number): void {
    const profile = this.#paceTo(peer, nowMs) === 'fast' ? this.#profile : 'wan';
    this.#send(peer, index, path.ends, KIND_BEAT, encodeBeat(path.nextBeat(nowMs)), profile);
  }

  #requestLease(): void {
    const nowMs = this.#world.clock.bootMs();
    this.#leases.forgetLapsed(nowMs);
    const request = this.#leases.request(nowMs);
    const isLeaderKnown =
      this.#leader !== undefined && nowMs - this.#leader.grantedMs < this.#timing.leaderSilenceMs;
    const isCallToAll = !isLeaderKnown && (!this.#quiet || request.number % REQUESTS_PER_CALL_TO_ALL === 0);
    const asked = (node: string): boolean => isCallToAll || this.#leader?.node === node;
    const { node } = this.#options;
    if (asked(node)) this.#tellRequest(node, this.#session, request.number, request.sentAtUs);
    const body = encodeLeaseRequest(request);
    for (const peer of this.#peers.values())
      if (asked(peer.name)) this.#sendEverywhere(peer, KIND_LEASE_REQUEST, body);
  }

  /** On every path that is up; when none is, on all. */
  #sendEverywhere(peer: Peer, kind: Kind, body: Buffer): void {
    const nowMs = this.#world.clock.bootMs();
    const isUp = (path: Path): boolean => path.isUp(nowMs) || !peer.isAlive(nowMs);
    for (const [index, path] of peer.paths.entries())
      if (isUp(path)) this.#send(peer, index, path.ends, kind, body);
  }

  #send(peer: Peer, index: number, ends: UdpEnds, kind: Kind, body: Buffer, profile = this.#profile): void {
    const datagram = seal(this.#key, {
      kind,
      path: index,
      profile,
      session: this.#session,
      sequence: this.#takeSequence(peer.name),
      sentAtUs: Math.floor(this.#world.clock.bootMs() * 1000),
      from: this.#options.node,
      to: peer.name,
      life: this.#life,
      body,
    });
    this.#sockets.send(ends.local, ends.remote, datagram);
  }

  #takeSequence(peer: string): number {
    const sequence = (this.#sequences.get(peer) ?? 0) + 1;
    this.#sequences.set(peer, sequence);
    return sequence;
  }

  #receive(datagram: Buffer, local: Address, from: Address): void {
    const drop = this.#judge(datagram, { local, remote: from });
    if (drop === undefined) return;
    this.#drops.count(drop);
    this.#pathFrom(local, from)?.drops.count(drop);
  }

  /** By its sender's address, which may be forged like everything else of what was dropped. */
  #pathFrom(local: Address, from: Address): Path | undefined {
    for (const { paths } of this.#peers.values()) {
      const found = paths.find(({ ends }) => ends.local === local && ends.remote === from);
      if (found) return found;
    }
    return undefined;
  }

  /** Acts on a datagram, or tells why it was not believed. */
  #judge(datagram: Buffer, way: Way): DropReason | undefined {
    const envelope = open(this.#key, this.#options.node, datagram);
    if (typeof envelope === 'string') return envelope;
    const peer = this.#peers.get(envelope.from);
    this.#tellsLife ||= envelope.life !== null;
    if (peer === undefined || !peer.isMeantBy(envelope.life)) return 'stranger';
    switch (envelope.kind) {
      case KIND_BEAT:
        return this.#onBeat(peer, envelope, way);
      case KIND_LEASE_REQUEST:
        return this.#onRequest(peer, envelope);
      case KIND_LEASE_GRANT:
        return this.#onGrant(peer, envelope);
    }
  }

  #onBeat(peer: Peer, envelope: Envelope, way: Way): DropReason | undefined {
    const beat = decodeBeat(envelope.body);
    if (beat === undefined) return 'malformed';
    const nowMs = this.#world.clock.bootMs();
    const outcome = peer.receiveBeat(envelope, beat, way, nowMs);
    switch (outcome.kind) {
      case 'known':
        if (outcome.isUpAgain) this.#reportIfChanged();
        return undefined;
      case 'started':
        this.#onSessionStarted(peer, outcome.path);
        return undefined;
      case 'unproven':
        this.#send(peer, envelope.path, outcome.ends, KIND_BEAT, encodeBeat(outcome.answer));
        return undefined;
      case 'dropped':
        return outcome.why;
    }
  }

  #onSessionStarted(peer: Peer, index: number): void {
    const path = peer.paths[index];
    if (path) this.#sendBeat(peer, index, path, this.#world.clock.bootMs());
    if (this.#options.asksForLeases) this.#requestLease();
    this.#reportIfChanged();
  }

  #onRequest(peer: Peer, envelope: Envelope): DropReason | undefined {
    const request = decodeLeaseRequest(envelope.body);
    if (request === undefined) return 'malformed';
    if (!peer.accepts(envelope)) return 'replayed';
    this.#tellRequest(peer.name, envelope.session, request.number, request.sentAtUs);
    return undefined;
  }

  #tellRequest(node: string, session: string, number: number, sentAtUs: number): void {
    const request = { node, bootId: session, sequence: number, sentAtBootMs: sentAtUs / 1000 };
    for (const listener of this.#requestListeners) listener(request);
  }

  #onGrant(peer: Peer, envelope: Envelope): DropReason | undefined {
    const grant = decodeLeaseGrant(envelope.body);
    if (grant === undefined) return 'malformed';
    if (!peer.accepts(envelope)) return 'replayed';
    this.#receiveGrant(peer.name, grant);
    return undefined;
  }

  /** One that answers nothing of ours is late: it gives nothing. */
  #receiveGrant(from: string, grant: LeaseGrantBody): void {
    const extended = this.#leases.grant(grant);
    if (extended === undefined) return;
    this.#leader = granted(this.#leader, from, this.#world.clock.bootMs());
    if (extended.length > 0) this.#reportLeases();
  }

  #reportLeases(): void {
    for (const listener of this.#leaseListeners) listener(this.#leases.leases);
  }

  #reportIfChanged(): void {
    const nowMs = this.#world.clock.bootMs();
    const paths = this.#pathStatuses(nowMs).map(
      ({ peer, path, up, trouble }) => `${peer} ${path} ${up} ${trouble}`,
    );
    const picture = [...this.#heard(nowMs), ...paths].join();
    this.#awaitSilence(nowMs);
    if (picture === this.#lastPicture) return;
    this.#lastPicture = picture;
    this.#reportLiveness();
  }

  /** A path that goes on being heard moves its end; the timer then finds nothing, and waits for the next. */
  #awaitSilence(nowMs: number): void {
    const ends = [...this.#peers.values()].map((peer) => peer.nextSilenceMs(nowMs));
    const dueMs = Math.min(Number.POSITIVE_INFINITY, ...ends);
    if (!this.#isOpen || dueMs === Number.POSITIVE_INFINITY) return;
    if (this.#silence !== undefined && this.#silence.dueMs <= dueMs) return;
    this.#silence?.timer.cancel();
    const timer = this.#world.timers.after(Math.max(1, Math.ceil(dueMs - nowMs)), () => {
      this.#silence = undefined;
      this.#reportIfChanged();
    });
    this.#silence = { dueMs, timer };
  }

  #reportLiveness(): void {
    const nowMs = this.#world.clock.bootMs();
    const alive = new Set([this.#options.node, ...this.#heard(nowMs)]);
    const paths = this.#pathStatuses(nowMs);
    for (const listener of this.#livenessListeners) listener(alive, paths, this.dropped);
  }

  #heard(nowMs: number): readonly string[] {
    return [...this.#peers.values()].filter((peer) => peer.isAlive(nowMs)).map(({ name }) => name);
  }

  #pathStatuses(nowMs: number): readonly PathStatus[] {
    return [...this.#peers.values()].flatMap((peer) =>
      peer.paths
        .map((path) => this.#udpStatus(peer.name, path, nowMs))
        .concat(this.#board.statusesOf(peer, nowMs)),
    );
  }

  #udpStatus(peer: string, path: Path, nowMs: number): PathStatus {
    const roundTripMs = path.roundTripMs(nowMs);
    return {
      ...pathStatus(peer, path, nowMs),
      remote: path.ends.remote,
      latencyMs: roundTripMs === null ? null : roundedMs(roundTripMs),
      trouble: this.#sockets.trouble(path.ends.local) ?? null,
    };
  }
}
