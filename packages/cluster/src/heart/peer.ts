/**
 * Another node as this heart knows it: its session, its replay window, its paths. Pure.
 *
 * A session (one start of the peer's heart) is believed only once a beat of it echoes what we sent a moment ago: a recording of
 * an earlier session cannot do that. The way there takes one and a half round trips:
 *
 *   peer restarts ── BEAT(new session, no echo) ──► unproven: answer at once
 *                 ◄── BEAT(echo of it) ──
 *                 ── BEAT(echo of ours) ──► proven: the new session replaces the old one
 *
 * The cluster key is the same on a machine that was removed and runs on, and its name may be another's now. So once a peer was heard at an address that was told no new session is
 * believed from anywhere else, also while the peer is silent: it would seem to be there, and nobody would take over from it. Whoever has moved is found only by a node that was away itself,
 * and has not heard him since at an address that it was told; any other node is told by the log. And because the former may be told late, of two sessions from
 * different places that both live none is over: whoever gave way may be believed again.
 *
 * Where everybody says its life (from feature level 5 on) nothing is taken from whoever is another than the member that is meant: the heart looks at that before anything here.
 *
 * Whichever path a beat names, it came by that between whose ends it came: while addresses change the two sides number their paths differently. Where it
 * came from no known address, because the peer has moved while this node was away, the way back is one more path, until a known one is up.
 */
import { PROFILES } from '../profiles.ts';
import type { Profile } from '../state/model.ts';
import type { Way } from '../state/places.ts';
import type { Beat, BeatEcho } from './wire/beat.ts';
import type { Envelope } from './wire/envelope.ts';
import type { Slot } from './wire/slot.ts';
import { Path, udpEnds, type DiskEnds, type UdpEnds } from './path.ts';
import { ReplayWindow } from './replay-window.ts';

/** Sessions that ended; they never come back. */
const RETIRED_MAX = 16;
/** Unproven sessions are answered no more often than this, so that a recording cannot make us flood anybody. */
const ANSWER_INTERVAL_MS = 50;
const IP_AND_PORT = /^([\d.]+|\[[^\]]*\]):\d+$/;
/** Addresses that the peer was heard from and that nobody has told; the newest count. */
const FOUND_MAX = 8;
/** Machines of one name that are heard from different places, beside the one that is believed. */
const YIELDED_MAX = 4;

interface Session {
  readonly id: string;
  readonly window: ReplayWindow;
  /** Where it was heard last, preferably at an address that is told; undefined: on a disk. */
  remote: string | undefined;
}

export type BeatOutcome =
  /** Of the present session; its path may have been down. */
  | { readonly kind: 'known'; readonly isUpAgain: boolean }
  /** Proven: it is the present session from now on. Beat at once, so that the peer can believe us too. */
  | { readonly kind: 'started'; readonly path: number }
  /** Perhaps a restarted peer, perhaps a recording: send `answer` on the path it came by. */
  | { readonly kind: 'unproven'; readonly ends: UdpEnds; readonly answer: Beat }
  | { readonly kind: 'dropped'; readonly why: 'replayed' | 'malformed' | 'stranger' };

/** `unproven`: the next slot of ours echoes it. */
export type SlotOutcome = 'known' | 'started' | 'unproven' | 'replayed';

/** As its own heart sees it. */
export interface PeerRhythm {
  readonly silenceMs: () => number;
  /** What the peer said of its rhythm counts. */
  readonly mayBeSlower: () => boolean;
}

export class Peer {
  readonly name: string;
  /** Which machine of that name is meant; null: nobody has told. */
  life: string | null = null;
  readonly #ownSession: string;
  readonly #rhythm: PeerRhythm;
  /** Whose rhythm the peer said it keeps. */
  #profile: Profile = 'lan';
  /** What went by paths that are gone vouches for it so long: those that came instead have to be heard first. */
  #aliveUntilMs = Number.NEGATIVE_INFINITY;
  /** Those that were told. */
  #paths: readonly Path[] = [];
  /** Those that were found, while none of the others is up. */
  #found: readonly Path[] = [];
  #diskPaths: ReadonlyMap<string, Path<DiskEnds>> = new Map();
  #slot: number | null = null;
  #session: Session | undefined;
  #retired: string[] = [];
  /** Those that gave way to one from another place. */
  #yielded: readonly Session[] = [];
  #answeredMs = Number.NEGATIVE_INFINITY;

  constructor(name: string, ownSession: string, rhythm: PeerRhythm) {
    this.name = name;
    this.#ownSession = ownSession;
    this.#rhythm = rhythm;
  }

  /** The peer may keep another rhythm than this node for a while: the profile changes on each when it hears of it. */
  readonly #silenceMs = (): number => {
    const ownMs = this.#rhythm.silenceMs();
    return this.#rhythm.mayBeSlower() ? Math.max(ownMs, PROFILES[this.#profile].heart.silenceMs) : ownMs;
  };

  /** By their number in an envelope. */
  get paths(): readonly Path[] {
    return this.#found.length === 0 ? this.#paths : [...this.#paths, ...this.#found];
  }

  /** By disk id. */
  get diskPaths(): ReadonlyMap<string, Path<DiskEnds>> {
    return this.#diskPaths;
  }

  /** Where its slot on a heartbeat disk is; null: it has none. */
  get slot(): number | null {
    return this.#slot;
  }

  /** Paths come and go; one that stays keeps its state, and the session is that of the peer's heart whichever way it is heard. */
  connect(ends: readonly UdpEnds[], slot: number | null, disks: readonly DiskEnds[], nowMs: number): void {
    for (const path of this.paths)
      if (!ends.some(({ name }) => name === path.ends.name)) this.#outlive(path, nowMs);
    const kept = new Map(this.paths.map((path) => [path.ends.name, path]));
    this.#found = [];
    this.#paths = ends.map((end) => kept.get(end.name) ?? new Path(end, this.#silenceMs));
    this.#slot = slot;
    const paths = disks.map((end) => this.#diskPaths.get(end.diskId) ?? new Path(end, this.#silenceMs));
    this.#diskPaths = new Map(slot === null ? [] : paths.map((path) => [path.ends.diskId, path]));
  }

  /** Not another machine of its name. */
  isMeantBy(life: string | null): boolean {
    return this.life === null || this.life === life;
  }

  /** Messages reach it: a path that carries them is up. */
  isAlive(nowMs: number): boolean {
    return nowMs < this.#aliveUntilMs || this.paths.some((path) => path.isUp(nowMs));
  }

  /** When the first of its paths that are up falls silent, if nothing more is heard; Infinity: none is up. */
  nextSilenceMs(nowMs: number): number {
    const paths = [...this.paths, ...this.#diskPaths.values()].filter((path) => path.isUp(nowMs));
    const outlivedMs = nowMs < this.#aliveUntilMs ? this.#aliveUntilMs : Number.POSITIVE_INFINITY;
    return Math.min(outlivedMs, ...paths.map((path) => path.upUntilMs));
  }

  #outlive(gone: Path, nowMs: number): void {
    const ageMs = gone.ageMs(nowMs);
    if (ageMs !== null) this.#aliveUntilMs = Math.max(this.#aliveUntilMs, nowMs - ageMs + this.#silenceMs());
  }

  /** Everything but beats: only from the proven session, and only once. */
  accepts(envelope: Envelope): boolean {
    return envelope.session === this.#session?.id && this.#session.window.accept(envelope.sequence);
  }

  receiveBeat(envelope: Envelope, beat: Beat, way: Way, nowMs: number): BeatOutcome {
    if (this.#retired.includes(envelope.session)) return { kind: 'dropped', why: 'replayed' };
    const ownEcho = beat.echo?.session === this.#ownSession ? beat.echo : undefined;
    const isNew = envelope.session !== this.#session?.id;
    if (isNew && !this.#isToldAt(way.remote) && this.#isKnownElsewhere(way, nowMs))
      return { kind: 'dropped', why: 'stranger' };
    if (isNew && !this.#isFresh(ownEcho, nowMs)) return this.#answer(envelope, way, nowMs);
    if (!this.#believe(envelope.session, way.remote).window.accept(envelope.sequence))
      return { kind: 'dropped', why: 'replayed' };
    this.#profile = envelope.profile;
    const path = this.#cameBy(envelope.path, way, nowMs) ?? this.#find(way);
    const wasUp = path.isUp(nowMs);
    path.heard(envelope.session, envelope.sentAtUs, beat, ownEcho, nowMs);
    if (isNew) return { kind: 'started', path: this.paths.indexOf(path) };
    return { kind: 'known', isUpAgain: !wasUp && path.isUp(nowMs) };
  }

  /** A slot of this peer's that was not seen before. */
  receiveSlot(path: Path<DiskEnds>, slot: Slot, nowMs: number): SlotOutcome {
    const { session, sequence, sentAtUs } = slot;
    if (this.#retired.includes(session)) return 'replayed';
    const ownEcho = slot.echoes.find((echo) => echo.session === this.#ownSession);
    const isNew = session !== this.#session?.id;
    if (isNew && !this.#isFresh(ownEcho, nowMs)) {
      path.echoUnproven({ session, sentAtUs, arrivedMs: nowMs });
      return 'unproven';
    }
    this.#believe(session, undefined);
    if (sequence <= path.newestNumber) return 'replayed';
    this.#profile = slot.profile ?? this.#profile;
    path.heard(session, sentAtUs, { number: sequence, echo: ownEcho }, ownEcho, nowMs);
    return isNew ? 'started' : 'known';
  }

  #isFresh(echo: BeatEcho | undefined, nowMs: number): boolean {
    return echo !== undefined && nowMs - echo.sentAtUs / 1000 < this.#silenceMs();
  }

  #answer({ session, sentAtUs, path: named }: Envelope, way: Way, nowMs: number): BeatOutcome {
    if (nowMs - this.#answeredMs < ANSWER_INTERVAL_MS) return { kind: 'dropped', why: 'replayed' };
    this.#answeredMs = nowMs;
    const path = this.#cameBy(named, way, nowMs) ?? new Path(udpEnds(way), this.#silenceMs);
    const answer = path.answerTo({ session, sentAtUs, arrivedMs: nowMs }, nowMs);
    return { kind: 'unproven', ends: path.ends, answer };
  }

  /** Of a path to a host by name only the number tells. */
  #cameBy(named: number, { local, remote }: Way, nowMs: number): Path | undefined {
    const isToldUp = this.#paths.some((path) => path.isUp(nowMs));
    if (isToldUp) this.#found = [];
    const between = this.paths.find(({ ends }) => ends.local === local && ends.remote === remote);
    if (between !== undefined) return between;
    const told = this.#paths[named];
    return isToldUp || (told !== undefined && !IP_AND_PORT.test(told.ends.remote)) ? told : undefined;
  }

  /** Only for who has proven himself: a recording could come from anywhere. */
  #find(way: Way): Path {
    const path = new Path(udpEnds(way), this.#silenceMs);
    this.#found = [...this.#found, path].slice(-FOUND_MAX);
    return path;
  }

  /** A disk tells for itself; of a path to a host by name nobody can tell. */
  #isToldAt(remote: string | undefined): boolean {
    if (remote === undefined) return true;
    return this.#paths.some(({ ends }) => ends.remote === remote || !IP_AND_PORT.test(ends.remote));
  }

  #isKnownElsewhere({ remote }: Way, nowMs: number): boolean {
    const isFoundElsewhere = (path: Path): boolean => path.isUp(nowMs) && path.ends.remote !== remote;
    return this.#paths.some((path) => path.ageMs(nowMs) !== null) || this.#found.some(isFoundElsewhere);
  }

  /** The present session from now on, if it is not already. Of two that are told the one before is over: its heart has started anew. */
  #believe(id: string, remote: string | undefined): Session {
    const before = this.#session;
    const isTold = this.#isToldAt(remote);
    if (before?.id === id) {
      if (isTold || !this.#isToldAt(before.remote)) before.remote = remote;
      return before;
    }
    const known = this.#yielded.find((session) => session.id === id);
    const present = { id, remote, window: known?.window ?? new ReplayWindow() };
    this.#session = present;
    const others = [...this.#yielded, ...(before === undefined ? [] : [before])].filter(
      (session) => session !== known,
    );
    const isOver = (session: Session): boolean =>
      isTold && known === undefined && this.#isToldAt(session.remote);
    const yielded = others.filter((session) => !isOver(session));
    this.#retire([...others.filter(isOver), ...yielded.slice(0, -YIELDED_MAX)]);
    this.#yielded = yielded.slice(-YIELDED_MAX);
    for (const path of [...this.#paths, ...this.#diskPaths.values()]) path.forgetSession();
    return present;
  }

  #retire(sessions: readonly Session[]): void {
    this.#retired = [...this.#retired, ...sessions.map(({ id }) => id)].slice(-RETIRED_MAX);
  }
}
