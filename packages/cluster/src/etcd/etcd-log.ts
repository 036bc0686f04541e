/**
 * The ordered log, kept in etcd. Everything is a transaction that etcd's majority agrees on. Two lanes, each with one transaction at a time:
 * the log's own (`#cycle`: opens a session, reads news, appends) and the leader's (`#lead`: renews, or takes over; leading.ts). Duties:
 * 1. An append compares the epoch, the leader's term and the tip: it goes behind exactly what is applied here, and never under another leader.
 * 2. After an error nobody knows whether an append was done: it is sent again, and applied once (raft/sessions.ts).
 * 3. A command's sender is told `applied` only after the listeners here have seen it.
 * 4. Reads are answered only once this life's session is open: what an earlier life sent is then applied already, or never will be.
 * 5. A watch is a hint to look earlier; nothing rests on it.
 * 6. An entry or a snapshot that cannot be understood is not skipped: the log stops before it.
 */
import { assert, EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { termIn } from '../node/epochs.ts';
import type { LogLeadership, LogSubject, OrderedLog } from '../ports.ts';
import { Barriers, type AskingTimes } from '../raft/barriers.ts';
import { LeadershipNews } from '../raft/leadership-news.ts';
import { Machine } from '../raft/machine.ts';
import type { AppendResult } from '../raft/proposals.ts';
import { Proposals } from '../raft/proposals.ts';
import { decodeCommand, OPENING, type CommandId } from '../raft/sessions.ts';
import { Turns } from '../raft/turns.ts';
import type { LogIndex, MemberId } from '../raft/types.ts';
import { nodeOfMember } from '../raft/types.ts';
import type { EpochRecord } from './layout.ts';
import {
  decodeBeat,
  decodeCount,
  decodeEntry,
  decodeEpoch,
  decodeTerm,
  encodeBeat,
  encodeCount,
  encodeEntry,
  encodeEpoch,
  encodeTerm,
  Layout,
} from './layout.ts';
import { Leading, type Seen, type Wish } from './leading.ts';
import { readSnapshot, writeSnapshot } from './snapshots.ts';
import type { Compare, EtcdStore, KeyValue, Operation, TxnAnswer } from './store/port.ts';
import { Tidying } from './tidying.ts';
import type { EtcdTiming } from './timing.ts';

export interface EtcdLogOptions<Command> {
  readonly world: Pick<World, 'clock' | 'timers' | 'random' | 'log'>;
  readonly store: EtcdStore;
  readonly clusterId: string;
  readonly epoch: number;
  readonly member: MemberId;
  /** It may change at any moment. */
  readonly timing: () => EtcdTiming;
  readonly subject: LogSubject<Command>;
  /** By the state as applied: commands of strangers count for nothing. */
  readonly isMember: (id: MemberId) => boolean;
  /** Nothing counts after this command, if it comes next: with it the epoch is sealed. */
  readonly isLast: (command: Command) => boolean;
  /** Write a snapshot after this many entries, or this many bytes. Tests set them low. */
  readonly compactAfterEntries?: number;
  readonly compactAfterBytes?: number;
}

const COMPACT_AFTER_ENTRIES = 4096;
const COMPACT_AFTER_BYTES = 4 * 1024 * 1024;
const KEEP_ENTRIES = 512;
/** etcd takes 128 operations and 1.5 MiB in one transaction. */
const BATCH_MAX = 64;
const BATCH_MAX_BYTES = 768 * 1024;
/** Entries read at once; each has at most half a MiB. */
const READ_MAX = 32;

type Done = (error: EterneError | undefined) => void;

/** A life in the log: what needs the session's number. */
interface Life {
  readonly proposals: Proposals;
  readonly barriers: Barriers;
  readonly leading: Leading;
}

interface Offered {
  readonly data: Buffer;
  readonly isLast: boolean;
}

export class EtcdLog<Command> implements OrderedLog<Command> {
  readonly #options: EtcdLogOptions<Command>;
  readonly #layout: Layout;
  readonly #machine: Machine<Command>;
  readonly #turns: Turns;
  readonly #leadershipNews = new LeadershipNews();
  readonly #tidying: Tidying;
  #life: Life | undefined;
  #applied: LogIndex = 0;
  #snapshotIndex: LogIndex = 0;
  #bytesSinceSnapshot = 0;
  #isSessionOpen = false;
  #isSnapshotWanted = true;
  #isWritingSnapshot = false;
  #isSealed = false;
  #isLogLaneBusy = false;
  #isLeaderLaneBusy = false;
  #cycles = 0;
  #nextLookMs = 0;
  /** When the newest request that a majority of the etcd servers answered was sent. */
  #contactMs = Number.NEGATIVE_INFINITY;
  #trouble: EterneError | undefined;
  #stopWatching: (() => void) | undefined;
  #state: 'new' | 'running' | 'closed' = 'new';

  constructor(options: EtcdLogOptions<Command>) {
    this.#options = options;
    this.#machine = new Machine(options.subject);
    this.#turns = new Turns(options.world, () => this.#pump());
    this.#layout = new Layout(options.clusterId, options.epoch);
    this.#tidying = new Tidying(options.store);
  }

  /** Install the listeners before. */
  start(): void {
    this.#state = 'running';
    this.#turns.start();
    const { epoch, term, tip } = this.#layout;
    this.#stopWatching = this.#options.store.watch([epoch, term, tip], () => {
      this.#nextLookMs = 0;
      this.#turns.want();
    });
    this.#turns.want();
  }

  append(command: Command, done: (result: AppendResult) => void): void {
    const { subject, world } = this.#options;
    const bytes = subject.encode(command);
    assert(bytes.length > 0, 'a command is never empty');
    const life = this.#state === 'running' ? this.#life : undefined;
    const error = life ? life.proposals.add(bytes, done, world.clock.bootMs()) : this.#notThere();
    if (error) return world.timers.soon(() => done({ kind: 'refused', error }));
    return this.#turns.want();
  }

  onApplied(listener: (command: Command, index: LogIndex) => void): void {
    this.#machine.onApplied(listener);
  }

  readBarrier(done: Done): void {
    const { world } = this.#options;
    const life = this.#state === 'running' ? this.#life : undefined;
    const error = life ? life.barriers.add(done, world.clock.bootMs()) : this.#notThere();
    if (error) world.timers.soon(() => done(error));
    else this.#turns.want();
  }

  #notThere(): EterneError {
    if (this.#state === 'closed') return new EterneError('refused', 'the cluster log is closed');
    return new EterneError(
      'no-quorum',
      `the cluster log in etcd is not reached yet: ${this.trouble ?? 'it is asked'}`,
    );
  }

  leadership(): LogLeadership {
    const nowMs = this.#options.world.clock.bootMs();
    const leading = this.#state === 'running' && !this.#isSealed ? this.#life?.leading : undefined;
    const authorityUntilBootMs = leading?.authorityUntilMs ?? Number.NEGATIVE_INFINITY;
    const isLeader = authorityUntilBootMs > nowMs;
    const isKnown = isLeader || leading?.isLeaderFresh(nowMs) === true;
    const record = leading?.term?.record;
    return {
      leader: isKnown && record ? nodeOfMember(record.member) : undefined,
      isLeader,
      raftTerm: termIn(this.#options.epoch, record?.term ?? 0),
      authorityUntilBootMs,
      quorate: isLeader || (isKnown && nowMs - this.#contactMs < (leading?.takeOverMs ?? 0)),
    };
  }

  onLeadership(listener: () => void): void {
    this.#leadershipNews.add(listener);
  }

  /** Leader only; see leading.ts. */
  transferLeadership(to: MemberId): EterneError | undefined {
    const begun = to !== this.#options.member && this.#life?.leading.transfer(to) === true;
    if (!begun) return new EterneError('refused', 'this node cannot hand the leadership over now');
    this.#turns.want();
    return undefined;
  }

  /** Why etcd cannot be used now: a sentence; undefined: it can. */
  get trouble(): string | undefined {
    return this.#trouble?.message;
  }

  /** For tests. */
  get appliedIndex(): LogIndex {
    return this.#applied;
  }

  get snapshotIndex(): LogIndex {
    return this.#snapshotIndex;
  }

  close(done: () => void): void {
    this.#state = 'closed';
    this.#turns.stop();
    this.#stopWatching?.();
    const error = new EterneError('refused', 'the cluster log is closed');
    this.#life?.proposals.abandon(error);
    this.#life?.barriers.abandon(error);
    this.#options.store.close();
    this.#options.world.timers.soon(done);
  }

  #pump(): void {
    const nowMs = this.#options.world.clock.bootMs();
    const life = this.#life;
    if (life) {
      life.proposals.expire(nowMs);
      life.barriers.expire(nowMs);
      if (this.#isSessionOpen) life.barriers.release(this.#applied);
      if (!this.#isLeaderLaneBusy && !this.#isSealed) this.#lead(life.leading, nowMs);
    }
    if (!this.#isLogLaneBusy) this.#cycle(nowMs);
    this.#compactIfDue();
    this.#leadershipNews.show(this.leadership());
    this.#armTimer(nowMs);
  }

  /** The log's lane. */
  #cycle(nowMs: number): void {
    const life = this.#life;
    if (!life) {
      if (nowMs >= this.#nextLookMs) this.#openLife();
    } else if (this.#isSnapshotWanted) {
      if (nowMs >= this.#nextLookMs) this.#readSnapshot();
    } else {
      const offered = this.#offered(life, nowMs);
      const waits = life.barriers.size > 0;
      if (offered.length > 0 || waits || nowMs >= this.#nextLookMs) this.#look(life, offered, nowMs);
    }
  }

  /** Counts this start; two lives never number their commands alike, for they never have the same number. */
  #openLife(): void {
    const { member, epoch } = this.#options;
    const key = this.#layout.session(member);
    this.#isLogLaneBusy = true;
    this.#ask([], [...this.#readEpoch(), { kind: 'range', key }], [], (answer) => {
      if (answer instanceof EterneError) return this.#freeLogLane(answer);
      const [[epochKey] = [], [known] = []] = answer.ranges;
      this.#seeEpoch(epochKey);
      if (!epochKey || decodeEpoch(epochKey.value).epoch !== epoch) return this.#freeLogLane(this.#trouble);
      const session = known ? decodeCount(known.value) + 1 : 1;
      const put: Operation = { kind: 'put', key, value: encodeCount(session) };
      const compare = [sameAs(this.#layout.epoch, epochKey), sameAs(key, known)];
      return this.#ask(compare, [put], [], (result) => {
        if (!(result instanceof EterneError) && result.succeeded) this.#begin(session);
        this.#freeLogLane(result instanceof EterneError ? result : undefined);
      });
    });
  }

  #begin(session: number): void {
    const { member, timing, world } = this.#options;
    const times = (): AskingTimes => ({ giveUpMs: timing().giveUpMs, resendMs: 0 });
    this.#life = {
      proposals: new Proposals(member, session, times),
      barriers: new Barriers(session, times),
      leading: new Leading({
        self: { member, session },
        timing,
        randomBelow: (bound) => world.random.below(bound),
      }),
    };
    this.#openSession();
  }

  /** Duty 4; tried until it is done. */
  #openSession(): void {
    if (this.#state !== 'running') return;
    const opened = (result: AppendResult): void => {
      if (result.kind === 'applied') this.#isSessionOpen = true;
      else this.#openSession();
    };
    const refused = this.#life?.proposals.add(OPENING, opened, this.#options.world.clock.bootMs());
    assert(refused === undefined, 'the first command of a life is taken');
    this.#turns.want();
  }

  #readSnapshot(): void {
    const { store, timing } = this.#options;
    this.#isLogLaneBusy = true;
    readSnapshot({ store, layout: this.#layout, timeoutMs: timing().requestMs }, (result) => {
      if (this.#state !== 'running') return;
      if (result instanceof EterneError) return this.#freeLogLane(result);
      if (result.index > this.#applied) this.#restore(result.data, result.index);
      this.#snapshotIndex = Math.max(this.#snapshotIndex, result.index);
      this.#isSnapshotWanted = false;
      this.#freeLogLane(undefined);
    });
  }

  #restore(data: Buffer, index: LogIndex): void {
    if (!this.#understand(() => this.#machine.restore(data, index))) return;
    this.#applied = index;
    this.#bytesSinceSnapshot = 0;
  }

  /** What fits into one transaction; the rest goes with the next. */
  #offered({ proposals, leading }: Life, nowMs: number): readonly Offered[] {
    const offered: Offered[] = [];
    if (leading.term === undefined || this.#isSealed) return offered;
    let bytes = 0;
    this.#cycles += 1;
    proposals.sendTo(`cycle ${this.#cycles}`, nowMs, (data) => {
      bytes += data.length;
      const isFull = offered.length >= BATCH_MAX || bytes > BATCH_MAX_BYTES;
      // What ends the epoch goes alone, so that the state it meets is the one that is known here.
      const isLast = this.#endsEpoch(data);
      if (offered.length > 0 && (isFull || isLast || offered[0]?.isLast === true)) return false;
      offered.push({ data, isLast });
      return true;
    });
    return offered;
  }

  #endsEpoch(data: Buffer): boolean {
    const { command } = decodeCommand(data);
    return command.length > 0 && this.#options.isLast(this.#options.subject.decode(command));
  }

  /** Appends what is offered, or looks for news. Either way it tells whether anything is new. */
  #look(life: Life, offered: readonly Offered[], nowMs: number): void {
    const { world, timing } = this.#options;
    this.#isLogLaneBusy = true;
    this.#nextLookMs = nowMs + timing().pollMs;
    const contexts: number[] = [];
    life.barriers.ask(`cycle ${this.#cycles} ${nowMs}`, nowMs, (context) => contexts.push(context));
    const { term } = life.leading;
    const tip: Compare = { key: this.#layout.tip, is: { kind: 'value', value: encodeCount(this.#applied) } };
    const compare = [this.#epochIsLive(), tip];
    if (offered.length > 0 && term) compare.push(this.#termIs(term.value));
    const success = [...this.#puts(offered, term?.record.term ?? 0), ...this.#readLeader()];
    this.#ask(compare, success, this.#readNews(), (answer) => {
      if (answer instanceof EterneError) return this.#freeLogLane(answer);
      const [termKey, beatKey, ...news] = answer.ranges;
      this.#see(life, answer.revision, termKey, beatKey, world.clock.bootMs());
      if (answer.succeeded) for (const { data } of offered) this.#apply(data);
      if (answer.succeeded) this.#isSealed ||= offered.some(({ isLast }) => isLast);
      else this.#takeNews(news);
      const isWhole = answer.succeeded || !this.#isBehind(news);
      if (isWhole) for (const context of contexts) life.barriers.answered(context, this.#applied);
      this.#freeLogLane(undefined);
    });
  }

  #puts(offered: readonly Offered[], term: number): readonly Operation[] {
    if (offered.length === 0) return [];
    const puts: Operation[] = offered.map(({ data }, i) => ({
      kind: 'put',
      key: this.#layout.entry(this.#applied + 1 + i),
      value: encodeEntry(term, data),
    }));
    puts.push({ kind: 'put', key: this.#layout.tip, value: encodeCount(this.#applied + offered.length) });
    const { epoch } = this.#options;
    if (offered.some(({ isLast }) => isLast))
      puts.push({ kind: 'put', key: this.#layout.epoch, value: encodeEpoch({ epoch, state: 'sealed' }) });
    return puts;
  }

  /** Entries in order; a gap before them means that they were replaced by a snapshot. */
  #takeNews([epoch, entries]: readonly (readonly KeyValue[])[]): void {
    for (const { key, value } of entries ?? []) {
      if (key !== this.#layout.entry(this.#applied + 1)) {
        this.#isSnapshotWanted = true;
        break;
      }
      this.#apply(decodeEntry(value).command);
    }
    this.#seeEpoch(epoch?.[0]);
  }

  #isBehind([, , tip]: readonly (readonly KeyValue[])[]): boolean {
    const [known] = tip ?? [];
    const isBehind = known !== undefined && decodeCount(known.value) > this.#applied;
    if (isBehind) this.#nextLookMs = 0;
    return isBehind;
  }

  #seeEpoch(known: KeyValue | undefined): void {
    const record: EpochRecord | undefined = known && decodeEpoch(known.value);
    const { epoch } = this.#options;
    if (record?.epoch === epoch) this.#isSealed = record.state === 'sealed';
    else
      this.#fail(
        new EterneError(
          'refused',
          record
            ? `etcd holds epoch ${record.epoch} of this cluster's log, not ${epoch}`
            : 'etcd holds no log of this cluster',
        ),
      );
  }

  #see(
    { leading }: Life,
    revision: number,
    term: readonly KeyValue[] | undefined,
    beat: readonly KeyValue[] | undefined,
    nowMs: number,
  ): void {
    leading.observe(seenOf(revision, term?.[0], beat?.[0]), nowMs);
  }

  /** The leader's lane. */
  #lead(leading: Leading, nowMs: number): void {
    const wish = leading.wish(nowMs);
    if (!wish) return;
    this.#isLeaderLaneBusy = true;
    const { success, compare } = this.#wishTxn(wish, leading);
    this.#ask(compare, success, [...this.#readLeader(), ...this.#readEpoch()], (answer) => {
      this.#isLeaderLaneBusy = false;
      const doneMs = this.#options.world.clock.bootMs();
      if (answer instanceof EterneError) leading.failed(doneMs);
      else if (answer.succeeded) this.#wishDone(wish, leading, answer, nowMs, doneMs);
      else {
        const [term, beat, epoch] = answer.ranges;
        leading.observe(seenOf(answer.revision, term?.[0], beat?.[0]), doneMs);
        leading.failed(doneMs);
        this.#seeEpoch(epoch?.[0]);
        this.#nextLookMs = 0;
      }
      this.#turns.want();
    });
  }

  #wishTxn(
    wish: Wish,
    { term: known }: Leading,
  ): { readonly compare: Compare[]; readonly success: Operation[] } {
    const { term, beat } = this.#layout;
    const compare = [this.#epochIsLive()];
    if (wish.kind === 'beat') {
      if (known) compare.push(this.#termIs(known.value));
      compare.push(this.#beatIs(wish.from));
      return { compare, success: [{ kind: 'put', key: beat, value: encodeBeat(wish.record) }] };
    }
    const { from, record } = wish;
    compare.push(from.term ? this.#termIs(from.term.value) : { key: term, is: { kind: 'absent' } });
    compare.push(this.#beatIs(from));
    return {
      compare,
      success: [
        { kind: 'put', key: term, value: encodeTerm(record) },
        { kind: 'put', key: beat, value: encodeBeat(wish.beat) },
      ],
    };
  }

  #wishDone(wish: Wish, leading: Leading, { revision }: TxnAnswer, sentMs: number, nowMs: number): void {
    if (wish.kind === 'beat') leading.beaten(wish.record, sentMs, revision, nowMs);
    else {
      const term = { record: wish.record, value: encodeTerm(wish.record) };
      const beat = { record: wish.beat, revision };
      leading.stood({ revision, term, beat }, sentMs, nowMs);
    }
    if (leading.isLeader) this.#tidying.seen(revision, nowMs);
  }

  #beatIs({ beat }: Seen): Compare {
    return {
      key: this.#layout.beat,
      is: beat ? { kind: 'revision', revision: beat.revision } : { kind: 'absent' },
    };
  }

  #epochIsLive(): Compare {
    const { epoch } = this.#options;
    return { key: this.#layout.epoch, is: { kind: 'value', value: encodeEpoch({ epoch, state: 'live' }) } };
  }

  #termIs(value: Buffer): Compare {
    return { key: this.#layout.term, is: { kind: 'value', value } };
  }

  #readLeader(): readonly Operation[] {
    return [
      { kind: 'range', key: this.#layout.term },
      { kind: 'range', key: this.#layout.beat },
    ];
  }

  #readEpoch(): readonly Operation[] {
    return [{ kind: 'range', key: this.#layout.epoch }];
  }

  #readNews(): readonly Operation[] {
    const { entriesEnd: end, tip } = this.#layout;
    const key = this.#layout.entry(this.#applied + 1);
    return [
      ...this.#readLeader(),
      ...this.#readEpoch(),
      { kind: 'range', key, end, limit: READ_MAX },
      { kind: 'range', key: tip },
    ];
  }

  #ask(
    compare: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[],
    done: (answer: TxnAnswer | EterneError) => void,
  ): void {
    const { store, timing, world } = this.#options;
    const sentMs = world.clock.bootMs();
    store.txn({ compare, success, failure }, timing().requestMs, (answer) => {
      if (this.#state !== 'running') return;
      if (answer instanceof EterneError) this.#fail(answer);
      else {
        this.#contactMs = Math.max(this.#contactMs, sentMs);
        this.#trouble = undefined;
      }
      this.#heed(answer, done);
    });
  }

  /** What others wrote may be nonsense, or of a newer program: this node then stays where it is, and says so. */
  #heed(answer: TxnAnswer | EterneError, done: (answer: TxnAnswer | EterneError) => void): void {
    try {
      done(answer);
    } catch (error) {
      if (!(error instanceof EterneError) || answer instanceof EterneError) throw error;
      this.#fail(error);
      done(error);
    }
  }

  #fail(error: EterneError): void {
    if (this.#trouble?.message !== error.message)
      this.#options.world.log('warn', `the cluster log in etcd: ${error.message}`);
    this.#trouble = error;
  }

  #freeLogLane(error: EterneError | undefined): void {
    this.#isLogLaneBusy = false;
    if (error) this.#nextLookMs = this.#options.world.clock.bootMs() + this.#options.timing().retryMs;
    this.#turns.want();
  }

  /** Duty 6. False: it has stopped. */
  #understand(take: () => void): boolean {
    try {
      take();
      return true;
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      this.#fail(error);
      this.close(() => {});
      this.#options.subject.stopped(error);
      return false;
    }
  }

  /** One entry, behind everything applied so far. */
  #apply(data: Buffer): void {
    const { isMember } = this.#options;
    const index = this.#applied + 1;
    let id: CommandId | undefined;
    const take = (): void => void (id = this.#machine.apply(data, index, isMember));
    if (this.#state !== 'running' || !this.#understand(take)) return;
    this.#applied = index;
    this.#bytesSinceSnapshot += data.length;
    if (id !== undefined) this.#life?.proposals.applied(id, index);
    this.#machine.prune(isMember);
  }

  /** Leader. */
  #compactIfDue(): void {
    const { compactAfterEntries, compactAfterBytes, store, timing, world } = this.#options;
    const term = this.#life?.leading.term;
    const entries = this.#applied - this.#snapshotIndex;
    const due =
      entries >= (compactAfterEntries ?? COMPACT_AFTER_ENTRIES) ||
      (entries > 0 && this.#bytesSinceSnapshot >= (compactAfterBytes ?? COMPACT_AFTER_BYTES));
    if (!due || this.#isWritingSnapshot || !term || !this.leadership().isLeader) return;
    this.#isWritingSnapshot = true;
    const index = this.#applied;
    const order = {
      store,
      layout: this.#layout,
      timeoutMs: timing().requestMs,
      guard: [this.#epochIsLive(), this.#termIs(term.value)],
      index,
      name: world.random.uuid(),
      data: this.#machine.snapshot(),
    };
    const keep = Math.min(KEEP_ENTRIES, compactAfterEntries ?? KEEP_ENTRIES);
    writeSnapshot(order, keep, (error) => {
      if (error && error.code !== 'conflict') this.#fail(error);
      if (!error) {
        this.#snapshotIndex = index;
        this.#bytesSinceSnapshot = 0;
      }
      world.timers.after(timing().pollMs, () => (this.#isWritingSnapshot = false));
    });
  }

  #armTimer(nowMs: number): void {
    const leading = this.#life?.leading;
    const lookMs = this.#isLogLaneBusy ? Number.POSITIVE_INFINITY : this.#nextLookMs;
    const leadMs =
      this.#isLeaderLaneBusy || this.#isSealed ? Number.POSITIVE_INFINITY : (leading?.dueMs ?? lookMs);
    this.#turns.at(Math.min(lookMs, leadMs, nowMs + this.#options.timing().pollMs), nowMs);
  }
}

function sameAs(key: string, known: KeyValue | undefined): Compare {
  return known
    ? { key, is: { kind: 'revision', revision: known.revision } }
    : { key, is: { kind: 'absent' } };
}

function seenOf(revision: number, term: KeyValue | undefined, beat: KeyValue | undefined): Seen {
  return {
    revision,
    term: term && { record: decodeTerm(term.value), value: term.value },
    beat: beat && { record: decodeBeat(beat.value), revision: beat.revision },
  };
}
