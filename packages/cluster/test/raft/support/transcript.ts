/**
 * Runs a transcript: commands, each followed by `----` and what came of it, in the manner of etcd's raft tests.
 * Nothing moves by itself: time advances, timers fire and messages arrive only when a command says so. Every election timeout is
 * its minimum, 700 ms.
 *
 *   voters A B C          begin, all at time 0             members A add-learner|promote|succeed|remove B
 *   advance MS            the clock, and nothing else      transfer A B       hand over to B
 *   tick A…               what is due now                  read A N           a linearizable read, numbered
 *   elect A               700 ms later A stands, and all    propose A TEXT     append a command, as leader; `propose A TEXT BYTES` a long one
 *                         is delivered: not shown          compact A          snapshot of what is applied, keeping no entries
 *   deliver [A>B…]        messages waiting, once           hold A, release A  writes wait, writes go on
 *   settle [quietly]      deliver until nothing is left    crash A, start A   lose all that is not written; begin again
 *   drop [A>B…]           lose messages waiting            status [A…]
 *   suspect A B           A sees B's connection end         many A N          N short commands, as leader: messages are counted, not shown
 */
import assert from 'node:assert/strict';
import { EterneError } from '@eterne/base';
import { RaftLog } from '../../../src/raft/log.ts';
import type { Member, MemberChange } from '../../../src/raft/members.ts';
import { decodeMembers } from '../../../src/raft/members.ts';
import type { Message, MessageBody } from '../../../src/raft/messages/message.ts';
import { decodeMessage, encodeMessage } from '../../../src/raft/messages/message.ts';
import type { Ready } from '../../../src/raft/node.ts';
import { RaftNode } from '../../../src/raft/node.ts';
import { firstImage } from '../../../src/raft/embedded-log.ts';
import type { Entry, HardState, Snapshot } from '../../../src/raft/types.ts';
import { PROFILES } from '../../../src/profiles.ts';

interface Disk {
  hardState: HardState;
  snapshot: Snapshot;
  entries: Entry[];
}

interface Actor {
  readonly disk: Disk;
  node: RaftNode | undefined;
  held: boolean;
  pending: Ready | undefined;
}

/** Runs every command of `text` and returns the same text with the outcomes as they are. */
export function runTranscript(text: string): string {
  const run = new Transcript();
  const parts = text.split(/\n(?=(?:#[^\n]*\n)*[a-z]+[^\n]*\n----\n)/);
  return parts.map((part) => rerun(run, part)).join('\n');
}

function rerun(run: Transcript, part: string): string {
  const match = /^([\s\S]*?)((?:^|(?<=\n))[a-z][^\n]*)\n----\n/.exec(part);
  if (!match) return part;
  const [, comments = '', command = ''] = match;
  const lines = run.execute(command);
  return `${comments}${command}\n----\n${lines.map((line) => `${line}\n`).join('')}`;
}

class Transcript {
  readonly #actors = new Map<string, Actor>();
  #network: Message[] = [];
  #nowMs = 0;
  #lines: string[] = [];

  execute(command: string): string[] {
    this.#lines = [];
    const [verb = '', ...words] = command.split(' ');
    this.#run(verb, words);
    for (const id of this.#actors.keys()) this.#drain(id);
    return this.#lines.length > 0 ? this.#lines : ['ok'];
  }

  #run(verb: string, words: readonly string[]): void {
    const [first = '', second = '', third = ''] = words;
    switch (verb) {
      case 'voters':
        for (const id of words) this.#create(id, words);
        break;
      case 'joiner':
        this.#create(first, []);
        break;
      case 'advance':
        this.#nowMs += Number(first);
        break;
      case 'tick':
        for (const id of words) this.#node(id).tick(this.#nowMs);
        break;
      case 'propose':
        this.#say(this.#node(first).propose(Buffer.from(second.padEnd(Number(third), '.'))));
        break;
      case 'many':
        for (let i = 1; i <= Number(second); i += 1)
          this.#say(this.#node(first).propose(Buffer.from(String(i))));
        this.#drain(first);
        this.#lines = countedByWay(this.#lines);
        break;
      case 'members':
        this.#say(this.#node(first).proposeMember({ kind: second, id: third } as MemberChange, this.#nowMs));
        break;
      case 'suspect':
        this.#node(first).suspect(second);
        break;
      case 'transfer':
        this.#say(this.#node(first).transferLeadership(second, this.#nowMs));
        break;
      case 'read':
        this.#node(first).readIndex(Number(second));
        break;
      case 'compact': {
        const { log } = this.#node(first);
        log.compact(Buffer.from(`state ${log.applied}`), log.members, { count: 0, bytes: 0 });
        break;
      }
      case 'deliver':
        this.#deliver(this.#take(words));
        break;
      case 'settle':
        this.#settle();
        if (first === 'quietly') this.#lines = [];
        break;
      case 'elect':
        this.#nowMs += 700;
        this.#node(first).tick(this.#nowMs);
        this.#drain(first);
        this.#settle();
        this.#lines = [this.#status(first)];
        break;
      case 'drop':
        this.#take(words);
        break;
      case 'hold':
        this.#actor(first).held = true;
        break;
      case 'release':
        this.#actor(first).held = false;
        this.#finish(first);
        break;
      case 'crash':
        Object.assign(this.#actor(first), { node: undefined, pending: undefined, held: false });
        break;
      case 'start':
        this.#start(first);
        break;
      case 'status':
        for (const id of words.length > 0 ? words : this.#actors.keys()) this.#lines.push(this.#status(id));
        break;
      default:
        assert.fail(`unknown command: ${verb}`);
    }
  }

  #settle(): void {
    for (let i = 0; this.#network.length > 0; i += 1) {
      assert.ok(i < 100, 'the messages never end');
      this.#deliver(this.#take([]));
      for (const id of this.#actors.keys()) this.#drain(id);
    }
  }

  #create(id: string, voters: readonly string[]): void {
    const image = firstImage(
      { cluster: 'c', member: id },
      voters.map((voter) => ({ id: voter, role: 'voter' })),
    );
    const disk = { hardState: image.hardState, snapshot: image.snapshot, entries: [...image.entries] };
    this.#actors.set(id, { disk, node: undefined, held: false, pending: undefined });
    this.#start(id);
  }

  #start(id: string): void {
    const actor = this.#actor(id);
    const { hardState, snapshot, entries } = actor.disk;
    const log = new RaftLog(snapshot, entries, hardState.commit);
    log.takeCommitted();
    actor.node = new RaftNode(
      { id, timing: PROFILES.lan.raft, randomBelow: () => 0 },
      log,
      hardState,
      this.#nowMs,
    );
  }

  #actor(id: string): Actor {
    const actor = this.#actors.get(id);
    assert.ok(actor, `no member ${id}`);
    return actor;
  }

  #node(id: string): RaftNode {
    const { node } = this.#actor(id);
    assert.ok(node, `${id} is down`);
    return node;
  }

  #say(error: EterneError | undefined): void {
    if (error) this.#lines.push(`refused: ${error.message}`);
  }

  #take(ways: readonly string[]): Message[] {
    const taken = this.#network.filter((m) => ways.length === 0 || ways.includes(`${m.from}>${m.to}`));
    this.#network = this.#network.filter((message) => !taken.includes(message));
    return taken;
  }

  /** Through the wire format, so that it is exercised as well. */
  #deliver(messages: readonly Message[]): void {
    for (const message of messages) {
      const decoded = decodeMessage(encodeMessage(message));
      assert.ok(!(decoded instanceof EterneError));
      assert.deepEqual(decoded, message);
      this.#actors.get(message.to)?.node?.step(decoded, this.#nowMs);
    }
  }

  #drain(id: string): void {
    const actor = this.#actor(id);
    for (;;) {
      if (!actor.node) return;
      const output = actor.node.takeOutput(this.#nowMs);
      if (output.restore)
        this.#lines.push(`${id} restores "${output.restore.data.toString()}" at ${output.restore.index}`);
      for (const entry of output.committed) this.#lines.push(`${id} applies ${describeEntry(entry)}`);
      for (const read of output.reads)
        this.#lines.push(`${id} may answer read ${read.context} at ${read.index}`);
      for (const message of output.messages) this.#send(message);
      actor.pending ??= actor.node.ready();
      if (!actor.pending || actor.held) return;
      this.#finish(id);
    }
  }

  #finish(id: string): void {
    const actor = this.#actor(id);
    const ready = actor.pending;
    if (!ready || !actor.node) return;
    actor.pending = undefined;
    const { disk } = actor;
    disk.hardState = ready.hardState;
    if (ready.snapshot) Object.assign(disk, { snapshot: ready.snapshot, entries: [] });
    for (const entry of ready.entries) {
      disk.entries.length = entry.index - disk.snapshot.index - 1;
      disk.entries.push(entry);
    }
    for (const message of ready.messages) if (message.to !== id) this.#send(message);
    actor.node.persisted(ready, this.#nowMs);
  }

  #send(message: Message): void {
    this.#network.push(message);
    this.#lines.push(`${message.from}>${message.to} term ${message.term} ${describe(message.body)}`);
  }

  #status(id: string): string {
    const { node } = this.#actor(id);
    if (!node) return `${id} down`;
    const { role, term, leader, committed, lastIndex, members, authorityUntilMs } = node.status();
    const names = members.map(shownMember).join(' ');
    const authority = role === 'leader' ? `, alone until ${authorityUntilMs}` : '';
    return `${id} ${role} term ${term} leader ${leader ?? 'none'} committed ${committed}/${lastIndex} members ${names}${authority}`;
  }
}

/** `a>b …` → how many lines there are of each way. */
function countedByWay(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const [way = ''] = line.split(' ', 1);
    counts.set(way, (counts.get(way) ?? 0) + 1);
  }
  return [...counts].map(([way, count]) => `${way} ${count} messages`);
}

function describeEntry(entry: Entry): string {
  const place = `${entry.index}@${entry.term}`;
  switch (entry.kind) {
    case 'noop':
      return `${place} noop`;
    case 'command':
      return `${place} "${entry.data.subarray(0, 8).toString()}"`;
    case 'members':
      return `${place} members ${decodeMembers(entry.data).map(shownMember).join(' ')}`;
  }
}

function describe(body: MessageBody): string {
  switch (body.kind) {
    case 'pre-vote':
      return `pre-vote last ${body.lastIndex}@${body.lastTerm}`;
    case 'vote':
      return `vote last ${body.lastIndex}@${body.lastTerm}${body.transfer ? ' handed over' : ''}`;
    case 'pre-vote-reply':
    case 'vote-reply':
      return `${body.kind} ${body.granted ? 'yes' : 'no'}`;
    case 'append': {
      const entries = body.entries.map((entry) => describeEntry(entry)).join(', ');
      return `append after ${body.prevIndex}@${body.prevTerm} [${entries}] commit ${body.commit}`;
    }
    case 'append-reply':
      return body.ok
        ? `append-reply up to ${body.index}`
        : `append-reply no match at ${body.index}, try ${body.hintIndex}@${body.hintTerm}`;
    case 'heartbeat':
      return `heartbeat ${body.round} commit ${body.commit}`;
    case 'heartbeat-reply':
      return `heartbeat-reply ${body.round}`;
    case 'snapshot-chunk':
      return `snapshot-chunk of ${body.index}@${body.entryTerm}, ${body.offset}+${body.data.length}/${body.totalBytes}`;
    case 'snapshot-reply':
      return `snapshot-reply of ${body.index}, next ${body.nextOffset}`;
    case 'timeout-now':
      return 'timeout-now';
    case 'read-index':
      return `read-index ${body.context}`;
    case 'read-index-reply':
      return `read-index-reply ${body.context} at ${body.index}`;
    case 'propose':
      return `propose "${body.data.toString()}"`;
  }
}

function shownMember({ id, role }: Member): string {
  if (role === 'voter') return id;
  return role === 'successor' ? `+${id}` : `(${id})`;
}
