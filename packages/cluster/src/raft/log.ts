/**
 * The log in memory: a snapshot and the entries after it (and some before it, kept for slow followers).
 *
 * ```
 *      base            snapshot.index                    stable        last
 *  ─────┴─── kept entries ───┴──────── entries ───────────┴── unstable ──┘
 *                                applied ≤ committed
 * ```
 * An entry is given out to be applied only when it is committed and on this node's own disk (≤ stable).
 */
import { assert } from '@eterne/base';
import type { Members } from './members.ts';
import { decodeMembers } from './members.ts';
import type { Entry, LogIndex, RaftTerm, Snapshot } from './types.ts';

export class RaftLog {
  #snapshot: Snapshot;
  /** The entry before `#entries[0]`. */
  #base: { readonly index: LogIndex; readonly term: RaftTerm };
  #entries: Entry[] = [];
  #stable: LogIndex;
  #committed: LogIndex;
  #applied: LogIndex;
  #members: Members;
  #bytesSinceSnapshot = 0;

  /** As read from disk: entries follow the snapshot without a gap. */
  constructor(snapshot: Snapshot, entries: readonly Entry[], committed: LogIndex) {
    this.#snapshot = snapshot;
    this.#base = snapshot;
    this.#members = snapshot.members;
    this.#committed = snapshot.index;
    this.#applied = snapshot.index;
    this.#stable = snapshot.index;
    this.append(entries);
    this.#stable = this.lastIndex;
    this.commitTo(Math.max(committed, snapshot.index));
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get firstIndex(): LogIndex {
    return this.#base.index + 1;
  }

  get lastIndex(): LogIndex {
    return this.#base.index + this.#entries.length;
  }

  get lastTerm(): RaftTerm {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  get stable(): LogIndex {
    return this.#stable;
  }

  get committed(): LogIndex {
    return this.#committed;
  }

  get applied(): LogIndex {
    return this.#applied;
  }

  /** The newest membership in the log, committed or not: it counts from the moment it is appended (thesis §4.1). */
  get members(): Members {
    return this.#members;
  }

  /** The newest membership that is known to be committed. */
  get committedMembers(): Members {
    return this.#membersUpTo(this.#committed);
  }

  /** The membership before the newest one, while that is not known to be committed: which of the two counts is open. All before them are over: a change begins when the last is committed. */
  get membersBefore(): Members | undefined {
    const newest = this.#entries.slice(this.#committed - this.#base.index).findLast(isOfMembers);
    return newest && this.#membersUpTo(newest.index - 1);
  }

  #membersUpTo(index: LogIndex): Members {
    const newest = this.#entries.findLast((entry) => isOfMembers(entry) && entry.index <= index);
    return newest && newest.index > this.#snapshot.index
      ? decodeMembers(newest.data)
      : this.#snapshot.members;
  }

  /** Undefined when the entry is not here (compacted away, or not yet written). */
  termAt(index: LogIndex): RaftTerm | undefined {
    return index === this.#base.index ? this.#base.term : this.entryAt(index)?.term;
  }

  entryAt(index: LogIndex): Entry | undefined {
    return index > this.#base.index ? this.#entries[index - this.#base.index - 1] : undefined;
  }

  /** Entries from `from` up to and including `to`; at least one if there is any, else at most `maxBytes` and `maxCount`. */
  slice(from: LogIndex, to: LogIndex, maxBytes: number, maxCount: number): Entry[] {
    const taken: Entry[] = [];
    let bytes = 0;
    for (let index = from; index <= to && taken.length < maxCount; index += 1) {
      const entry = this.entryAt(index);
      if (!entry) break;
      bytes += entry.data.length;
      if (taken.length > 0 && bytes > maxBytes) break;
      taken.push(entry);
    }
    return taken;
  }

  /** Is a log that ends so at least as new as ours? (thesis §3.6.1) */
  isUpToDate(lastIndex: LogIndex, lastTerm: RaftTerm): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /** The largest index ≤ `from` whose term is ≤ `term`, as far as known: where two logs may begin to agree. */
  lastIndexWithTermAtMost(from: LogIndex, term: RaftTerm): LogIndex {
    let index = Math.min(from, this.lastIndex);
    while (index > this.#base.index && (this.termAt(index) ?? 0) > term) index -= 1;
    return index;
  }

  /** Adds entries at their indexes; whatever disagreed with them, and all after it, goes. Never touches committed entries. */
  append(entries: readonly Entry[]): void {
    const fresh = entries.findIndex((entry) => this.termAt(entry.index) !== entry.term);
    if (fresh === -1) return;
    const added = entries.slice(fresh);
    const first = added[0];
    assert(first !== undefined && first.index > this.#committed, 'a committed entry is never replaced');
    assert(first.index <= this.lastIndex + 1, 'the log has no gaps');
    if (first.index <= this.lastIndex) this.#truncateFrom(first.index);
    for (const entry of added) {
      assert(entry.index === this.lastIndex + 1 && entry.term >= this.lastTerm, 'entries rise');
      this.#entries.push({ ...entry, data: copyApart(entry.data) });
      this.#bytesSinceSnapshot += entry.data.length;
      if (entry.kind === 'members') this.#members = decodeMembers(entry.data);
    }
  }

  #truncateFrom(index: LogIndex): void {
    this.#entries.length = index - this.#base.index - 1;
    this.#stable = Math.min(this.#stable, index - 1);
    this.#members = this.#membersUpTo(this.lastIndex);
  }

  commitTo(index: LogIndex): void {
    if (index <= this.#committed) return;
    assert(index <= this.lastIndex, 'only what is here can be committed');
    this.#committed = index;
  }

  /** Index of the newest membership entry; 0 when it is in the snapshot. */
  get membersIndex(): LogIndex {
    return this.#entries.findLast(isOfMembers)?.index ?? 0;
  }

  /** Everything up to this entry is on disk, unless the entry has been replaced since. */
  stableTo(index: LogIndex, term: RaftTerm): void {
    if (index > this.#stable && this.termAt(index) === term) this.#stable = index;
  }

  unstable(): Entry[] {
    return this.#entries.slice(this.#stable - this.#base.index);
  }

  /** Entries to be applied now, which count as applied from here on. */
  takeCommitted(): Entry[] {
    const to = Math.min(this.#committed, this.#stable);
    if (to <= this.#applied) return [];
    const taken = this.#entries.slice(this.#applied - this.#base.index, to - this.#base.index);
    this.#applied = to;
    return taken;
  }

  /** Entries after the snapshot: what a rewritten log file contains besides it. */
  entriesAfterSnapshot(): Entry[] {
    return this.#entries.slice(this.#snapshot.index - this.#base.index);
  }

  /** Data appended since the last snapshot. */
  get bytesSinceSnapshot(): number {
    return this.#bytesSinceSnapshot;
  }

  /** `data` is the state after the last applied entry. Of the entries it covers the newest are kept, as far as `keep` allows. */
  compact(data: Buffer, members: Members, keep: { readonly count: number; readonly bytes: number }): void {
    const term = this.termAt(this.#applied);
    assert(term !== undefined, 'the last applied entry is in the log');
    this.#snapshot = { index: this.#applied, term, members, data };
    this.#bytesSinceSnapshot = 0;
    const dropTo = this.#lastToDrop(keep);
    const dropTerm = this.termAt(dropTo);
    assert(dropTerm !== undefined, 'what is dropped was here');
    this.#entries.splice(0, dropTo - this.#base.index);
    this.#base = { index: dropTo, term: dropTerm };
  }

  #lastToDrop(keep: { readonly count: number; readonly bytes: number }): LogIndex {
    let index = this.#applied;
    let bytes = 0;
    while (index > this.#base.index && this.#applied - index < keep.count) {
      bytes += this.entryAt(index)?.data.length ?? 0;
      if (bytes > keep.bytes) break;
      index -= 1;
    }
    return index;
  }

  /** A snapshot from the leader replaces all that is here; the caller persists it before it answers. */
  install(snapshot: Snapshot): void {
    assert(snapshot.index > this.#committed, 'a snapshot never takes the log back');
    this.#snapshot = snapshot;
    this.#base = snapshot;
    this.#entries = [];
    this.#bytesSinceSnapshot = 0;
    this.#members = snapshot.members;
    this.#stable = snapshot.index;
    this.#committed = snapshot.index;
    this.#applied = snapshot.index;
  }
}

const isOfMembers = ({ kind }: Entry): boolean => kind === 'members';

/** Entries stay for long: one that shared memory with others of its time (Node.js cuts small buffers out of a pool) would keep all of that. */
function copyApart(data: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(data.length);
  data.copy(copy);
  return copy;
}
