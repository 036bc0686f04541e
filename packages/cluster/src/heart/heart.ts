/**
 * The heart: beats on every path, knows who lives, carries lease requests and grants. The driver of `Peer` and `LeaseClient` on a
 * network of datagrams; `server.ts` puts it behind a unix socket.
 *
 * 1. A datagram changes nothing before its MAC, its receiver and its sequence are right.
 * 2. Requests and grants travel on every path that is up; whichever copy arrives first counts.
 * 3. A request goes to whoever granted last; when that one has been silent for `LEADER_SILENCE_MS`, to everybody.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { EterneError } from '@eterne/base';
import type { DatagramSocket, Timer, World } from '@eterne/runtime';
import type { HeartPort, LeaseGrant, LeaseRequest, PathStatus } from '../ports.ts';
import type { MemberAddress } from '../node/identity.ts';
import { LeaseClient, type Lease } from './lease-client.ts';
import type { Path, PathEnds } from './path.ts';
import { Peer } from './peer.ts';
import type { HeartTiming } from './timing.ts';
import { decodeBeat, encodeBeat, type Beat } from './wire/beat.ts';
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
  type Refusal,
} from './wire/envelope.ts';
import { decodeLeaseGrant, encodeLeaseGrant, type LeaseGrantBody } from './wire/lease-grant.ts';
import { decodeLeaseRequest, encodeLeaseRequest } from './wire/lease-request.ts';

/** How often silence is looked for; the lateness of its discovery. */
const CHECK_INTERVAL_MS = 50;
const REPORT_INTERVAL_MS = 1000;
/** A leader that grants nothing for so long is no longer asked alone. */
const LEADER_SILENCE_MS = 350;

export type HeartWorld = Pick<World, 'clock' | 'timers' | 'random' | 'network' | 'log'>;

export interface HeartOptions {
  readonly node: string;
  /** 32 bytes, the same on every node. */
  readonly clusterKey: Buffer;
  /** What to bind, one per path. */
  readonly addresses: readonly string[];
  readonly timing: HeartTiming;
  /** A witness carries no groups and asks for no leases. */
  readonly asksForLeases: boolean;
}

export type DropReason = Refusal | 'stranger' | 'replayed' | 'late';

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
  readonly #sockets: DatagramSocket[] = [];
  readonly #timers: Timer[] = [];
  readonly #dropped = new Map<DropReason, number>();
  readonly #livenessListeners: LivenessListener[] = [];
  readonly #requestListeners: ((request: LeaseRequest) => void)[] = [];
  readonly #leaseListeners: LeaseListener[] = [];
  #members: readonly MemberAddress[] = [];
  #leader: { readonly node: string; readonly grantedMs: number } | undefined;
  #lastPicture = '';

  constructor(world: HeartWorld, options: HeartOptions) {
    this.#world = world;
    this.#options = options;
    this.#key = createSecretKey(options.clusterKey);
    this.#session = world.random.bytes(SESSION_BYTES).toString('hex');
    this.#leases = new LeaseClient(this.#session);
  }

  /** Binds every address, then beats. An address that cannot be bound is an error: a path nobody knows to be dead is no path. */
  open(done: (error: EterneError | undefined) => void): void {
    const [next] = this.#options.addresses.slice(this.#sockets.length);
    if (next === undefined) {
      this.#startTimers();
      return done(undefined);
    }
    this.#world.network.datagram(
      next,
      (payload) => this.#receive(payload),
      (result) => {
        if (result instanceof EterneError) {
          this.close();
          return done(result);
        }
        this.#sockets.push(result);
        this.open(done);
      },
    );
  }

  close(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
    for (const socket of this.#sockets.splice(0)) socket.close();
  }

  /** The addresses bound, with real ports. */
  get addresses(): readonly string[] {
    return this.#sockets.map(({ address }) => address);
  }

  /** Datagrams dropped since the start, by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped;
  }

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases.leases;
  }

  /** All members, this node included. A peer whose addresses stay keeps its state. */
  setMembers(members: readonly MemberAddress[]): void {
    const before = new Map(this.#members.map((member) => [member.node, member.addresses.join()]));
    const after = new Set(members.map(({ node }) => node));
    for (const name of this.#peers.keys()) if (!after.has(name)) this.#peers.delete(name);
    for (const member of members) {
      const isKnown = before.get(member.node) === member.addresses.join();
      if (member.node === this.#options.node || isKnown) continue;
      this.#peers.set(member.node, this.#makePeer(member));
    }
    this.#members = members;
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
    for (const part of encodeLeaseGrant(body, bodyBytesMax(this.#options.node, node)))
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
    const { timing, asksForLeases } = this.#options;
    const every = (intervalMs: number, act: () => void): void => {
      this.#timers.push(this.#world.timers.every(intervalMs, act));
    };
    every(timing.beatIntervalMs, () => this.#beat());
    every(CHECK_INTERVAL_MS, () => this.#reportIfChanged());
    every(REPORT_INTERVAL_MS, () => this.#reportLiveness());
    if (asksForLeases) every(timing.leaseIntervalMs, () => this.#requestLease());
  }

  #makePeer(member: MemberAddress): Peer {
    const own = this.#options.addresses;
    const count = Math.max(own.length, member.addresses.length);
    const ends: PathEnds[] = [];
    for (let index = 0; index < count; index += 1) {
      const localIndex = index % own.length;
      const remote = member.addresses[index % member.addresses.length] ?? '';
      ends.push({ name: `udp:${own[localIndex]}-${remote}`, localIndex, remote });
    }
    return new Peer(member.node, this.#session, ends, this.#options.timing.silenceMs);
  }

  #beat(): void {
    const nowMs = this.#world.clock.bootMs();
    for (const peer of this.#peers.values())
      for (const [index, path] of peer.paths.entries()) this.#sendBeat(peer, index, path.nextBeat(nowMs));
  }

  #sendBeat(peer: Peer, index: number, beat: Beat): void {
    this.#send(peer, index, KIND_BEAT, encodeBeat(beat));
  }

  #requestLease(): void {
    const nowMs = this.#world.clock.bootMs();
    this.#leases.forgetLapsed(nowMs);
    const request = this.#leases.request(nowMs);
    const isLeaderKnown = this.#leader !== undefined && nowMs - this.#leader.grantedMs < LEADER_SILENCE_MS;
    const asked = (node: string): boolean => !isLeaderKnown || this.#leader?.node === node;
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
    for (const [index, path] of peer.paths.entries()) if (isUp(path)) this.#send(peer, index, kind, body);
  }

  #send(peer: Peer, index: number, kind: Kind, body: Buffer): void {
    const ends = peer.paths[index]?.ends;
    const socket = ends && this.#sockets[ends.localIndex];
    if (!socket) return;
    const datagram = seal(this.#key, {
      kind,
      path: index,
      session: this.#session,
      sequence: this.#takeSequence(peer.name),
      sentAtUs: Math.floor(this.#world.clock.bootMs() * 1000),
      from: this.#options.node,
      to: peer.name,
      body,
    });
    socket.send(ends.remote, datagram);
  }

  #takeSequence(peer: string): number {
    const sequence = (this.#sequences.get(peer) ?? 0) + 1;
    this.#sequences.set(peer, sequence);
    return sequence;
  }

  #receive(datagram: Buffer): void {
    const envelope = open(this.#key, this.#options.node, datagram);
    if (typeof envelope === 'string') return this.#drop(envelope);
    const peer = this.#peers.get(envelope.from);
    if (peer === undefined) return this.#drop('stranger');
    switch (envelope.kind) {
      case KIND_BEAT:
        return this.#onBeat(peer, envelope);
      case KIND_LEASE_REQUEST:
        return this.#onRequest(peer, envelope);
      case KIND_LEASE_GRANT:
        return this.#onGrant(peer, envelope);
    }
  }

  #onBeat(peer: Peer, envelope: Envelope): void {
    const beat = decodeBeat(envelope.body);
    if (beat === undefined) return this.#drop('malformed');
    const nowMs = this.#world.clock.bootMs();
    const outcome = peer.receiveBeat(envelope, beat, nowMs);
    switch (outcome.kind) {
      case 'known':
        return;
      case 'started':
        return this.#onSessionStarted(peer, envelope.path);
      case 'unproven':
        return this.#sendBeat(peer, envelope.path, outcome.answer);
      case 'dropped':
        return this.#drop(outcome.why);
    }
  }

  #onSessionStarted(peer: Peer, index: number): void {
    const path = peer.paths[index];
    if (path) this.#sendBeat(peer, index, path.nextBeat(this.#world.clock.bootMs()));
    if (this.#options.asksForLeases) this.#requestLease();
    this.#reportIfChanged();
  }

  #onRequest(peer: Peer, envelope: Envelope): void {
    const request = decodeLeaseRequest(envelope.body);
    if (request === undefined) return this.#drop('malformed');
    if (!peer.accepts(envelope)) return this.#drop('replayed');
    this.#tellRequest(peer.name, envelope.session, request.number, request.sentAtUs);
  }

  #tellRequest(node: string, session: string, number: number, sentAtUs: number): void {
    const request = { node, bootId: session, sequence: number, sentAtBootMs: sentAtUs / 1000 };
    for (const listener of this.#requestListeners) listener(request);
  }

  #onGrant(peer: Peer, envelope: Envelope): void {
    const grant = decodeLeaseGrant(envelope.body);
    if (grant === undefined) return this.#drop('malformed');
    if (!peer.accepts(envelope)) return this.#drop('replayed');
    this.#receiveGrant(peer.name, grant);
  }

  #receiveGrant(from: string, grant: LeaseGrantBody): void {
    const extended = this.#leases.grant(grant);
    if (extended === undefined) return this.#drop('late');
    this.#leader = { node: from, grantedMs: this.#world.clock.bootMs() };
    if (extended.length > 0) this.#reportLeases();
  }

  #drop(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  #reportLeases(): void {
    for (const listener of this.#leaseListeners) listener(this.#leases.leases);
  }

  #reportIfChanged(): void {
    const nowMs = this.#world.clock.bootMs();
    const picture = [...this.#peers.values()]
      .map((peer) => `${peer.name}:${peer.paths.map((path) => Number(path.isUp(nowMs))).join('')}`)
      .join();
    if (picture === this.#lastPicture) return;
    this.#lastPicture = picture;
    this.#reportLiveness();
  }

  #reportLiveness(): void {
    const nowMs = this.#world.clock.bootMs();
    const alive = new Set([this.#options.node]);
    const paths: PathStatus[] = [];
    for (const peer of this.#peers.values()) {
      if (peer.isAlive(nowMs)) alive.add(peer.name);
      for (const path of peer.paths) paths.push(pathStatus(peer.name, path, nowMs));
    }
    for (const listener of this.#livenessListeners) listener(alive, paths);
  }
}

function pathStatus(peer: string, path: Path, nowMs: number): PathStatus {
  const roundTripMs = path.roundTripMs(nowMs);
  return {
    peer,
    path: path.ends.name,
    up: path.isUp(nowMs),
    lossPercent: path.lossPercent(nowMs),
    latencyMs: roundTripMs === null ? null : Math.round(roundTripMs * 100) / 100,
  };
}
