/**
 * The ordered log, embedded: drives one Raft node on the world's ports. Everything that comes in within one turn of the event loop is
 * gathered and worked off together (`#pump`), so that many appends share one write. Duties, beside those of node.ts and persister.ts:
 * 1. A message received late because this process was stopped is read before a timer that fired meanwhile is believed.
 * 2. A command's sender is told `applied` only after the listeners here have seen it.
 * 3. Reads are answered only once this life's session is open: what an earlier life sent is then applied already, or never will be.
 * 4. A muted node drops what it receives: an answer it may not give is worse than none.
 * 5. A member whose disk hangs does not stand, and hands on what others can lead.
 * 6. What cannot be understood is not skipped: the log stops before it, and stays as it is on disk.
 */
import { assert, EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { LogLeadership, LogSubject, OrderedLog } from '../ports.ts';
import type { DropReason } from '../heart/drops.ts';
import { Barriers, type AskingTimes } from './barriers.ts';
import { LeadershipNews } from './leadership-news.ts';
import { RaftLog } from './log.ts';
import { Machine } from './machine.ts';
import type { MemberChange, Members } from './members.ts';
import { decodeMembers, encodeMembers, isMember } from './members.ts';
import { decodeMessage, encodeMessage } from './messages/message.ts';
import type { Output, RaftStatus } from './node.ts';
import { RaftNode } from './node.ts';
import { Persister } from './persister.ts';
import type { AppendResult } from './proposals.ts';
import { Proposals } from './proposals.ts';
import { OPENING } from './sessions.ts';
import type { LogIdentity } from './storage/format.ts';
import { createLogFile, readLogFile } from './storage/log-store.ts';
import type { LogImage } from './storage/recover.ts';
import type { RaftTransport } from './transport/port.ts';
import { Turns } from './turns.ts';
import type { Entry, HardState, LogIndex, MemberId, RaftTiming, Snapshot } from './types.ts';
import { nodeOfMember, UNSAID_HOLD_MS } from './types.ts';

export interface EmbeddedLogOptions<Command> {
  readonly world: Pick<World, 'clock' | 'timers' | 'random' | 'files' | 'log'>;
  /** The log file. */
  readonly path: string;
  readonly identity: LogIdentity;
  /** It may change at any moment (heartbeats.ts). */
  readonly timing: () => RaftTiming;
  readonly transport: RaftTransport;
  /** A message is not believed. */
  readonly onDrop?: (reason: DropReason) => void;
  readonly subject: LogSubject<Command>;
  /** Write a snapshot after this many entries, or this many bytes. Tests set them low. */
  readonly compactAfterEntries?: number;
  readonly compactAfterBytes?: number;
}

const COMPACT_AFTER_ENTRIES = 4096;
const COMPACT_AFTER_BYTES = 4 * 1024 * 1024;
/** Kept behind a snapshot for followers that lag a little. */
const KEEP = { count: 512, bytes: 1024 * 1024 };
/** An unanswered command or read is given up after this many (maximum) election timeouts. */
const GIVE_UP_ELECTIONS = 5;

type Done = (error: EterneError | undefined) => void;

/**
 * Writes the empty log of a new member: of the founder (`founder: true`), who is the only voter of a new cluster, or of a member that is to
 * be added by the others. Only `cluster init` and `cluster join` call this: a log that is missing later is a loss, not a beginning.
 */
export function createEmbeddedLog(
  world: Pick<World, 'files' | 'random'>,
  path: string,
  identity: LogIdentity,
  founder: boolean,
  done: Done,
): void {
  createLogFile(
    world,
    path,
    firstImage(identity, founder ? [{ id: identity.member, role: 'voter' }] : []),
    done,
  );
}

/** The log as it begins: nothing, or one committed entry that names the first members. */
export function firstImage(identity: LogIdentity, members: Members): LogImage {
  const snapshot: Snapshot = { index: 0, term: 0, members: [], data: Buffer.alloc(0) };
  if (members.length === 0) return { identity, starts: 0, hardState: firstState(0), snapshot, entries: [] };
  const entry: Entry = { index: 1, term: 1, kind: 'members', data: encodeMembers(members) };
  return {
    identity,
    starts: 0,
    hardState: firstState(1),
    snapshot,
    entries: [entry],
  };
}

/** Of a log whose first so many entries are agreed. */
export function firstState(commit: LogIndex): HardState {
  return { term: Math.min(1, commit), vote: undefined, commit, holdMs: UNSAID_HOLD_MS };
}

/** Reads the log; install the listeners in `done`, then call `start`. */
export function openEmbeddedLog<Command>(
  options: EmbeddedLogOptions<Command>,
  done: (result: EmbeddedLog<Command> | EterneError) => void,
): void {
  readLogFile(options.world.files, options.path, options.identity, (image) => {
    done(image instanceof EterneError ? image : new EmbeddedLog(options, image));
  });
}

export class EmbeddedLog<Command> implements OrderedLog<Command> {
  readonly #options: EmbeddedLogOptions<Command>;
  readonly #node: RaftNode;
  readonly #persister: Persister;
  readonly #proposals: Proposals;
  readonly #barriers: Barriers;
  readonly #machine: Machine<Command>;
  readonly #turns: Turns;
  readonly #leadershipNews = new LeadershipNews();
  readonly #memberChanges: { readonly index: LogIndex; readonly term: number; readonly done: Done }[] = [];
  /** Changes that wait for the answer of who decides after them. */
  readonly #asked: {
    readonly change: MemberChange;
    readonly done: Done;
    readonly round: number;
    readonly untilMs: number;
  }[] = [];
  #appliedMembers: Members = [];
  #isSessionOpen = false;
  #wasHung = false;
  #state: 'new' | 'running' | 'closed' = 'new';
  #halted: EterneError | undefined;

  /** Use `openEmbeddedLog`. */
  constructor(options: EmbeddedLogOptions<Command>, image: LogImage) {
    this.#options = options;
    this.#machine = new Machine(options.subject);
    this.#turns = new Turns(options.world, () => this.#pump());
    const { world, identity, timing, path } = options;
    const starts = image.starts + 1;
    this.#proposals = new Proposals(identity.member, starts, () =>
      askingTimes(timing().electionMaxMs, timing()),
    );
    this.#barriers = new Barriers(starts, () => askingTimes(2 * timing().heartbeatMs, timing()));
    this.#node = new RaftNode(
      { id: identity.member, timing: timing(), randomBelow: (bound) => world.random.below(bound) },
      new RaftLog(image.snapshot, image.entries, image.hardState.commit),
      image.hardState,
      world.clock.bootMs(),
    );
    this.#persister = new Persister(
      world,
      path,
      this.#node,
      { identity, starts },
      {
        onWritten: (ready) => {
          for (const message of ready?.messages ?? []) this.#send(message);
          if (ready) this.#node.persisted(ready, world.clock.bootMs());
          this.#turns.want();
        },
        onFailed: (error) => this.#fellSilent(error),
      },
    );
  }

  /** Replays what is known to be committed to the listeners, and takes part. */
  start(): void {
    this.#state = 'running';
    this.#turns.start();
    const { snapshot } = this.#node.log;
    if (snapshot.index > 0) this.#understand(() => this.#restore(snapshot));
    if (this.#halted) return;
    this.#options.transport.onMessage((from, bytes) => this.#receive(from, bytes));
    this.#options.transport.onGone((from) => this.#suspect(from));
    this.#persister.rewrite(undefined);
    this.#openSession();
  }

  /** Duty 3; tried until it is done. */
  #openSession(): void {
    if (this.#state !== 'running') return;
    const { clock } = this.#options.world;
    const opened = (result: AppendResult): void => {
      if (result.kind === 'applied') this.#isSessionOpen = true;
      else this.#openSession();
    };
    const refused = this.#proposals.add(OPENING, opened, clock.bootMs());
    assert(refused === undefined, 'the first command of a life is taken');
    this.#turns.want();
  }

  append(command: Command, done: (result: AppendResult) => void): void {
    const { subject, world } = this.#options;
    const error =
      this.#state === 'running'
        ? this.#proposals.add(encodeNonEmpty(subject, command), done, world.clock.bootMs())
        : new EterneError('refused', 'the cluster log is closed');
    if (error) world.timers.soon(() => done({ kind: 'refused', error }));
    else this.#turns.want();
  }

  onApplied(listener: (command: Command, index: LogIndex) => void): void {
    this.#machine.onApplied(listener);
  }

  readBarrier(done: Done): void {
    const { world } = this.#options;
    const error =
      this.#state === 'running'
        ? this.#barriers.add(done, world.clock.bootMs())
        : new EterneError('refused', 'the cluster log is closed');
    if (error) world.timers.soon(() => done(error));
    else this.#turns.want();
  }

  leadership(): LogLeadership {
    const status = this.#node.status();
    const speaks = this.#state === 'running' && !this.#persister.isMuted;
    const leads = speaks && status.role === 'leader';
    return {
      leader: speaks && status.leader !== undefined ? nodeOfMember(status.leader) : undefined,
      isLeader: leads,
      raftTerm: status.term,
      authorityUntilBootMs: leads ? status.authorityUntilMs : Number.NEGATIVE_INFINITY,
      quorate: speaks && this.#node.isQuorate(this.#options.world.clock.bootMs()),
    };
  }

  onLeadership(listener: () => void): void {
    this.#leadershipNews.add(listener);
  }

  /** Why it has stopped by itself: a sentence. */
  get trouble(): string | undefined {
    return this.#halted?.message;
  }

  /** For operators and tests. */
  status(): RaftStatus {
    return this.#node.status();
  }

  /** Leader: since when another voter confirms nothing of what it lacks; +Infinity: none is so. */
  behindSinceMs(): number {
    return this.#node.behindSinceMs();
  }

  /** The members that the applied log names. */
  members(): Members {
    return this.#appliedMembers;
  }

  heard(): ReadonlySet<MemberId> {
    return this.#node.heard(this.#options.world.clock.bootMs());
  }

  /** Leader only. Begun when who decides after it answers, which is asked first. Calls back once the change is committed; `no-quorum` when that stays unknown. */
  changeMember(change: MemberChange, done: Done): void {
    const round = this.#node.askEverybody();
    const untilMs = this.#options.world.clock.bootMs() + this.#options.timing().electionMinMs;
    if (round === undefined) return this.#beginChange(change, done);
    this.#asked.push({ change, done, round, untilMs });
    this.#turns.want();
    return undefined;
  }

  #beginAsked(nowMs: number): void {
    const open = this.#asked.splice(0);
    for (const asked of open) {
      if (this.#node.wouldDecide(asked.change, asked.round)) this.#beginChange(asked.change, asked.done);
      else if (nowMs < asked.untilMs) this.#asked.push(asked);
      else asked.done(new EterneError('busy', 'who would decide after this change does not answer'));
    }
  }

  #beginChange(change: MemberChange, done: Done): void {
    const { world } = this.#options;
    const error = this.#node.proposeMember(change, world.clock.bootMs());
    if (error) return world.timers.soon(() => done(error));
    const { lastIndex: index, term } = this.#node.status();
    this.#memberChanges.push({ index, term, done });
    this.#turns.want();
    return undefined;
  }

  /** Leader only. Returns at once; `onLeadership` tells how it went. */
  transferLeadership(to: MemberId): EterneError | undefined {
    const error = this.#node.transferLeadership(to, this.#options.world.clock.bootMs());
    this.#turns.want();
    return error;
  }

  close(done: () => void): void {
    this.#state = 'closed';
    this.#turns.stop();
    const error = new EterneError('refused', 'the cluster log is closed');
    this.#proposals.abandon(error);
    this.#barriers.abandon(error);
    for (const change of [...this.#asked.splice(0), ...this.#memberChanges.splice(0)]) change.done(error);
    this.#persister.close(done);
  }

  #receive(from: MemberId, bytes: Buffer): void {
    if (this.#state !== 'running' || this.#persister.isMuted) return;
    const message = decodeMessage(bytes);
    if (message instanceof EterneError) {
      this.#options.world.log('warn', message.message);
      return this.#options.onDrop?.('malformed');
    }
    if (message.from !== from) return this.#options.onDrop?.('forged');
    this.#node.step(message, this.#options.world.clock.bootMs());
    this.#turns.want();
  }

  #suspect(member: MemberId): void {
    if (this.#state !== 'running') return;
    this.#node.suspect(member);
    this.#turns.want();
  }

  #send(message: Output['messages'][number]): void {
    if (message.to === this.#options.identity.member) return;
    this.#options.transport.send(message.to, encodeMessage(message));
  }

  #fellSilent(error: EterneError): void {
    const { world } = this.#options;
    world.log(
      'error',
      `the cluster log cannot be written, this node takes no part in votes: ${error.message}`,
    );
    this.#node.stepDown(world.clock.bootMs());
    this.#turns.want();
  }

  #pump(): void {
    const nowMs = this.#options.world.clock.bootMs();
    this.#node.retime(this.#options.timing());
    const isHung = this.#watchDisk(nowMs);
    if (!this.#persister.isMuted) {
      if (isHung) this.#node.yieldLeadership(nowMs);
      if (nowMs >= this.#node.deadlineMs && this.#mayTick(isHung)) this.#node.tick(nowMs);
      this.#offer(nowMs);
    }
    this.#proposals.expire(nowMs);
    this.#barriers.expire(nowMs);
    this.#understand(() => this.#takeOutput(nowMs));
    if (this.#halted) return;
    this.#beginAsked(nowMs);
    this.#compactIfDue();
    if (this.#persister.isIdle) {
      const ready = this.#node.ready();
      if (ready) this.#persister.write(ready);
    }
    this.#leadershipNews.show(this.leadership());
    this.#armTimer(nowMs);
  }

  /** Duty 5. Says so once. */
  #watchDisk(nowMs: number): boolean {
    const isHung = this.#persister.isHung(nowMs);
    if (isHung && !this.#wasHung)
      this.#options.world.log(
        'error',
        'the disk under the cluster log hangs: this node cannot decide anything',
      );
    this.#wasHung = isHung;
    return isHung;
  }

  /** Duty 5. */
  #mayTick(isHung: boolean): boolean {
    return !isHung || this.#node.status().role === 'leader';
  }

  /** Duty 6. */
  #understand(take: () => void): void {
    try {
      take();
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      this.#halted = error;
      this.#options.world.log('error', `the cluster log stops: ${error.message}`);
      this.close(() => {});
      this.#options.subject.stopped(error);
    }
  }

  /** Hands commands and reads to whoever leads. */
  #offer(nowMs: number): void {
    const { leader, term, role } = this.#node.status();
    if (leader === undefined) return;
    const leadership = `${leader}@${term}`;
    this.#proposals.sendTo(leadership, nowMs, (data) => {
      if (role === 'leader') return this.#node.propose(data) === undefined;
      this.#send({ from: this.#options.identity.member, to: leader, term, body: { kind: 'propose', data } });
      return true;
    });
    this.#barriers.ask(leadership, nowMs, (context) => this.#node.readIndex(context));
  }

  #takeOutput(nowMs: number): void {
    const output = this.#node.takeOutput(nowMs);
    if (!this.#persister.isMuted) for (const message of output.messages) this.#send(message);
    if (output.restore) this.#restore(output.restore);
    for (const entry of output.committed) this.#apply(entry);
    for (const { context, index } of output.reads) this.#barriers.answered(context, index);
    if (this.#isSessionOpen) this.#barriers.release(this.#node.log.applied);
  }

  #apply(entry: Entry): void {
    switch (entry.kind) {
      case 'noop':
        break;
      case 'members':
        this.#appliedMembers = decodeMembers(entry.data);
        this.#machine.prune(this.#isMember);
        break;
      case 'command':
        this.#applyCommand(entry);
        break;
    }
    this.#settleMemberChanges(entry);
  }

  readonly #isMember = (id: MemberId): boolean => isMember(this.#appliedMembers, id);

  #applyCommand(entry: Entry): void {
    const id = this.#machine.apply(entry.data, entry.index, this.#isMember);
    if (id !== undefined) this.#proposals.applied(id, entry.index);
  }

  #settleMemberChanges(entry: Entry): void {
    while ((this.#memberChanges[0]?.index ?? Number.POSITIVE_INFINITY) <= entry.index) {
      const change = this.#memberChanges.shift();
      const same = change?.index === entry.index && change.term === entry.term;
      change?.done(
        same ? undefined : new EterneError('no-quorum', 'another leader took over: the change was lost'),
      );
    }
  }

  #restore(snapshot: Snapshot): void {
    this.#machine.restore(snapshot.data, snapshot.index);
    this.#appliedMembers = snapshot.members;
  }

  #compactIfDue(): void {
    const { log } = this.#node;
    if (!this.#persister.isIdle) return;
    const entries = log.applied - log.snapshot.index;
    const { compactAfterEntries, compactAfterBytes } = this.#options;
    const due =
      entries >= (compactAfterEntries ?? COMPACT_AFTER_ENTRIES) ||
      (entries > 0 && log.bytesSinceSnapshot >= (compactAfterBytes ?? COMPACT_AFTER_BYTES));
    if (!due) return;
    const keep = { ...KEEP, count: Math.min(KEEP.count, compactAfterEntries ?? KEEP.count) };
    log.compact(this.#machine.snapshot(), this.#appliedMembers, keep);
    this.#persister.rewrite(undefined);
  }

  #armTimer(nowMs: number): void {
    const timing = this.#options.timing();
    const waiting = this.#proposals.size + this.#barriers.size > 0;
    const retryMs = waiting ? nowMs + timing.heartbeatMs : Number.POSITIVE_INFINITY;
    const isIdle = this.#persister.isMuted || !this.#mayTick(this.#wasHung);
    const deadlineMs = isIdle ? nowMs + timing.electionMinMs : this.#node.deadlineMs;
    this.#turns.at(Math.min(retryMs, deadlineMs), nowMs);
  }
}

function askingTimes(resendMs: number, { electionMaxMs }: RaftTiming): AskingTimes {
  return { resendMs, giveUpMs: GIVE_UP_ELECTIONS * electionMaxMs };
}

function encodeNonEmpty<Command>(subject: LogSubject<Command>, command: Command): Buffer {
  const bytes = subject.encode(command);
  assert(bytes.length > 0, 'a command is never empty');
  return bytes;
}
