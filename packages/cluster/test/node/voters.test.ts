import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  nextMemberChange,
  VoterKeeper,
  type MakeTie,
  type NextChange,
  type Seen,
  type VotersLog,
} from '../../src/node/voters.ts';
import type { Member, Members } from '../../src/raft/members.ts';
import { NO_TIE_SEEN } from '../../src/raft/tie/tie-transport.ts';
import { nodeOfMember } from '../../src/raft/types.ts';
import { emptyState } from '../../src/state/apply.ts';
import { SUCCESSOR_LEVEL } from '../../src/state/levels.ts';
import type { ClusterState, Member as StateMember } from '../../src/state/model.ts';
import { VirtualTime } from '../service/virtual-time.ts';

function stateOf(...names: readonly string[]): ClusterState {
  const members = names.map((name) => [name, { name, voterId: `${name}-life`, role: 'node' } as StateMember]);
  return { ...emptyState(), members: Object.fromEntries(members) as ClusterState['members'] };
}

const awaitingWitness = (state: ClusterState): ClusterState => ({
  ...state,
  config: { ...state.config, tieBreaker: { kind: 'witness' } },
});

const voters = (...names: readonly string[]): Members =>
  names.map((name) => ({ id: `${name}#${name}-life`, role: 'voter' }));
const everybody = new Set(['a', 'b', 'c']);

/** Whoever is heard answers the leader. */
function nextChange(
  state: ClusterState,
  log: Members,
  alive: ReadonlySet<string>,
  seen: Partial<Seen> = {},
): NextChange | undefined {
  const heard = new Set(log.map(({ id }) => id).filter((id) => alive.has(nodeOfMember(id))));
  return nextMemberChange(state, log, alive, { heard, ...seen });
}

test('a newcomer first only listens, votes once it is heard', () => {
  const state = stateOf('a', 'b');
  assert.deepEqual(nextChange(state, voters('a'), everybody), { kind: 'add-learner', id: 'b#b-life' });
  const learning: Members = [...voters('a'), { id: 'b#b-life', role: 'learner' }];
  assert.equal(nextChange(state, learning, new Set(['a'])), undefined);
  assert.deepEqual(nextChange(state, learning, everybody), { kind: 'promote', id: 'b#b-life' });
  assert.deepEqual(nextChange(state, voters('a', 'b'), everybody), { kind: 'make-proof-tie' });
  assert.equal(nextChange(awaitingWitness(state), voters('a', 'b'), everybody), undefined);
});

test('who left the cluster leaves the log, one at a time, before anybody comes', () => {
  const state = stateOf('a', 'c');
  assert.deepEqual(nextChange(state, voters('a', 'b'), everybody), { kind: 'remove', id: 'b#b-life' });
});

test('before one of a pair leaves goes a tie-breaker that would not answer the other', () => {
  const removal = { kind: 'remove', id: 'b#b-life' };
  for (const tie of ['~tie#proof-1', '~tie#solo-1']) {
    const log: Members = [...voters('a', 'b'), { id: tie, role: 'voter' }];
    assert.deepEqual(nextChange(stateOf('a'), log, everybody), { kind: 'remove', id: tie });
    assert.deepEqual(nextChange(stateOf('a'), log, new Set(['a']), { silenced: 'b#b-life' }), removal);
    assert.equal(nextChange(stateOf('b'), log, new Set(['a']), { silenced: 'b#b-life' }), undefined);
    const learning: Members = [...voters('a', 'b'), { id: tie, role: 'learner' }];
    assert.deepEqual(nextChange(stateOf('a'), learning, everybody), removal);
  }
  const onDisk: Members = [...voters('a', 'b'), { id: '~tie#1', role: 'voter' }];
  assert.deepEqual(nextChange(stateOf('a'), onDisk, everybody), removal);
});

test('a tie-breaker goes with its pair, before another node comes in the place of the one that left', () => {
  for (const tie of ['~tie#1', '~tie#proof-1']) {
    const left: Members = [...voters('a'), { id: tie, role: 'voter' }];
    const state = withTie(stateOf('a', 'c'));
    assert.deepEqual(nextChange(state, left, everybody), { kind: 'remove', id: tie });
    assert.equal(nextChange(state, left, new Set(['c'])), undefined);
  }
});

test('a node that lost its log is another voter', () => {
  const log: Members = [...voters('a'), { id: 'b#former', role: 'voter' }];
  assert.deepEqual(nextChange(stateOf('a', 'b'), log, everybody), { kind: 'remove', id: 'b#former' });
});

const withTie = (state: ClusterState): ClusterState => ({
  ...state,
  config: { ...state.config, tieBreaker: { kind: 'disk', device: '/shared', ping: [] } },
});
const TIE = '~tie#1';

test('a pair gets its tie-breaker while both vote and are heard', () => {
  const state = withTie(stateOf('a', 'b'));
  const make = { kind: 'make-tie', device: '/shared', owners: ['a', 'b'] };
  assert.deepEqual(nextChange(state, voters('a', 'b'), everybody), make);
  assert.equal(nextChange(state, voters('a', 'b'), new Set(['a'])), undefined);
  const learning: Members = [...voters('a', 'b'), { id: TIE, role: 'learner' }];
  assert.deepEqual(nextChange(state, learning, everybody), { kind: 'promote', id: TIE });
  assert.equal(nextChange(state, learning, new Set(['a'])), undefined);
  assert.equal(nextChange(state, whole, everybody), undefined);
});

const whole: Members = [...voters('a', 'b'), { id: TIE, role: 'voter' }];
const withThird = (role: Member['role']): Members => [...whole, { id: 'c#c-life', role }];
const atLevel = (state: ClusterState, level: number): ClusterState => ({ ...state, level });

test('a third voter takes its place, and it stays until then', () => {
  const grown = atLevel(withTie(stateOf('a', 'b', 'c')), SUCCESSOR_LEVEL);
  const pairIsHeard = new Set(['a', 'b']);
  assert.deepEqual(nextChange(grown, whole, pairIsHeard), { kind: 'add-learner', id: 'c#c-life' });
  assert.equal(nextChange(grown, withThird('learner'), pairIsHeard), undefined);
  const succeed = { kind: 'succeed', id: 'c#c-life' };
  assert.deepEqual(nextChange(grown, withThird('learner'), everybody), succeed);
  assert.deepEqual(nextChange(grown, withThird('learner'), new Set(['a', 'c'])), succeed);
  const successor = withThird('successor');
  assert.deepEqual(nextChange(grown, successor, everybody), { kind: 'remove', id: TIE });
  assert.deepEqual(nextChange(grown, successor, pairIsHeard), { kind: 'remove', id: 'c#c-life' });
});

test('programs that know no successors see it go first, while both are heard, and come back when the newcomer falls silent', () => {
  const grown = atLevel(withTie(stateOf('a', 'b', 'c')), SUCCESSOR_LEVEL - 1);
  const listening = withThird('learner');
  assert.deepEqual(nextChange(grown, listening, everybody), { kind: 'remove', id: TIE });
  assert.equal(nextChange(grown, listening, new Set(['a', 'c'])), undefined);
  const without = listening.filter(({ id }) => id !== TIE);
  assert.deepEqual(nextChange(grown, without, everybody), { kind: 'promote', id: 'c#c-life' });
  const make = { kind: 'make-tie', device: '/shared', owners: ['a', 'b'] };
  assert.deepEqual(nextChange(grown, without, new Set(['a', 'b'])), make);
});

test('nobody listens while either of two may go on alone', () => {
  const config = { ...emptyState().config, prefer: 'availability' as const };
  const grown = { ...stateOf('a', 'b', 'c'), config };
  const solo: Members = [...voters('a', 'b'), { id: '~tie#solo-1', role: 'voter' }];
  const pairIsHeard = new Set(['a', 'b']);
  assert.equal(nextChange(grown, solo, pairIsHeard), undefined);
  assert.deepEqual(nextChange(grown, solo, everybody), { kind: 'remove', id: '~tie#solo-1' });
  assert.equal(nextChange(grown, solo, new Set(['a', 'c'])), undefined);
  const without = voters('a', 'b');
  assert.deepEqual(nextChange(grown, without, everybody), { kind: 'add-learner', id: 'c#c-life' });
  assert.deepEqual(nextChange(grown, without, pairIsHeard), { kind: 'make-solo-tie' });
  const listening: Members = [...without, { id: 'c#c-life', role: 'learner' }];
  assert.deepEqual(nextChange(grown, listening, pairIsHeard), { kind: 'remove', id: 'c#c-life' });
  assert.deepEqual(nextChange(grown, listening, everybody), { kind: 'promote', id: 'c#c-life' });
});

test('it goes while both can agree without it when a witness is to come', () => {
  const awaiting = awaitingWitness(stateOf('a', 'b'));
  assert.deepEqual(nextChange(awaiting, whole, everybody), { kind: 'remove', id: TIE });
  assert.equal(nextChange(awaiting, whole, new Set(['a', 'c'])), undefined);
});

test('one of another kind than the configuration says is replaced', () => {
  const proof: Members = [...voters('a', 'b'), { id: '~tie#proof-1', role: 'voter' }];
  assert.equal(nextChange(stateOf('a', 'b'), proof, everybody), undefined);
  assert.deepEqual(nextChange(withTie(stateOf('a', 'b')), proof, everybody), {
    kind: 'remove',
    id: '~tie#proof-1',
  });
  assert.equal(nextChange(withTie(stateOf('a', 'b')), proof, new Set(['a'])), undefined);
});

test('of a pair one leaves for ever: it goes, then the tie-breaker', () => {
  const alone = withTie(stateOf('a'));
  assert.deepEqual(nextChange(alone, whole, new Set(['a'])), { kind: 'remove', id: 'b#b-life' });
  const left: Members = [...voters('a'), { id: TIE, role: 'voter' }];
  assert.deepEqual(nextChange(alone, left, new Set(['a'])), { kind: 'remove', id: TIE });
});

test('nobody comes, and nothing is exchanged, before whoever was left out has left, or joined anew', () => {
  const tie = { id: '~tie#proof-1', role: 'voter' } as const;
  const log: Members = [...voters('a', 'b'), tie];
  const barred = new Set(['b#b-life']);
  for (const state of [
    stateOf('a', 'b', 'c'),
    withTie(stateOf('a', 'b')),
    awaitingWitness(stateOf('a', 'b')),
  ]) {
    assert.notEqual(nextChange(state, log, everybody, { silenced: 'b#b-life' }), undefined);
    assert.equal(nextChange(state, log, everybody, { silenced: 'b#b-life', barred }), undefined);
  }
  const removal = { kind: 'remove', id: 'b#b-life' };
  assert.deepEqual(nextChange(stateOf('a', 'c'), log, everybody, { silenced: 'b#b-life', barred }), removal);
});

test('who leaves is asked until those who stay can decide without it', () => {
  const three = voters('a', 'b', 'c');
  const removal = (id: string) => ({ kind: 'remove', id: `${id}#${id}-life` });
  assert.equal(nextChange(stateOf('a', 'c'), three, new Set(['a', 'b'])), undefined);
  assert.deepEqual(nextChange(stateOf('a', 'c'), three, new Set(['a', 'c'])), removal('b'));
  assert.deepEqual(nextChange(stateOf('a'), three, new Set(['a', 'b'])), removal('c'));
  const learning: Members = [...voters('a', 'c'), { id: 'b#b-life', role: 'learner' }];
  assert.deepEqual(nextChange(stateOf('a', 'c'), learning, new Set(['a'])), removal('b'));
});

test('of a pair whose disk is lost the tie-breaker goes first, while both can decide that', () => {
  const lost = { isSilent: true };
  const tie = { kind: 'remove', id: TIE };
  assert.deepEqual(nextChange(withTie(stateOf('a')), whole, everybody, lost), tie);
  assert.equal(nextChange(withTie(stateOf('a')), whole, new Set(['a']), lost), undefined);
  assert.deepEqual(nextChange(withTie(stateOf('a')), whole, everybody), {
    kind: 'remove',
    id: 'b#b-life',
  });
});

test('a successor that is silent goes before one of the pair leaves', () => {
  const state = withTie(stateOf('a', 'c'));
  const successor = { kind: 'remove', id: 'c#c-life' };
  assert.deepEqual(nextChange(state, withThird('successor'), new Set(['a', 'b'])), successor);
  assert.deepEqual(nextChange(state, withThird('successor'), everybody), {
    kind: 'remove',
    id: 'b#b-life',
  });
});

test('who leaves is heard by no heart, and counts as long as it answers', () => {
  const three = voters('a', 'b', 'c');
  const removal = (id: string) => ({ kind: 'remove', id: `${id}#${id}-life` });
  const heard = (...names: readonly string[]) => ({ heard: new Set(voters(...names).map(({ id }) => id)) });
  const alone = new Set(['c']);
  assert.deepEqual(nextChange(stateOf('a'), three, alone, heard('a', 'b', 'c')), removal('b'));
  assert.deepEqual(nextChange(stateOf('a', 'b'), three, alone, heard('a', 'b', 'c')), removal('c'));
  assert.equal(nextChange(stateOf('a', 'b'), three, new Set(['a', 'b', 'c']), heard('a', 'c')), undefined);
});

test('a tie-breaker is not left alone', () => {
  const left: Members = [...voters('a'), { id: TIE, role: 'voter' }];
  assert.deepEqual(nextChange(withTie(stateOf('c')), left, everybody), { kind: 'remove', id: TIE });
});

test('a leader that is to leave hands over to who stays, after everybody else has left', () => {
  const self = 'a#a-life';
  const to = (...names: readonly string[]): NextChange => ({
    kind: 'hand-over',
    to: voters(...names).map(({ id }) => id),
  });
  const onDisk: Members = [...voters('a', 'b'), { id: TIE, role: 'voter' }];
  const three = voters('a', 'b', 'c');
  assert.deepEqual(nextChange(withTie(stateOf('b')), onDisk, everybody, { self }), to('b'));
  assert.deepEqual(nextChange(stateOf('b', 'c'), three, everybody, { self }), to('b', 'c'));
  assert.deepEqual(nextChange(stateOf('b', 'c'), three, new Set(['a', 'c']), { self }), undefined);
  assert.deepEqual(nextChange(stateOf('c'), three, everybody, { self }), { kind: 'remove', id: 'b#b-life' });
  assert.equal(nextChange(withTie(stateOf('b')), onDisk, new Set(['a']), { self }), undefined);
});

test('the last that votes leaves when somebody who stays votes, who comes first', () => {
  const self = 'a#a-life';
  const listening: Members = [...voters('a'), { id: 'c#c-life', role: 'learner' }];
  const add: NextChange = { kind: 'add-learner', id: 'c#c-life' };
  const promote: NextChange = { kind: 'promote', id: 'c#c-life' };
  // No heart speaks to who is no member of the state.
  const alone = new Set(['a']);
  for (const tie of [[], [{ id: TIE, role: 'voter' as const }]]) {
    const left: Members = [...voters('a'), ...tie];
    const first: NextChange = tie.length > 0 ? { kind: 'remove', id: TIE } : add;
    assert.deepEqual(nextChange(stateOf('c'), left, alone, { self }), first);
  }
  assert.equal(nextChange(stateOf('c'), listening, alone, { self }), undefined);
  const heard = new Set(['a#a-life', 'c#c-life']);
  assert.deepEqual(nextChange(stateOf('c'), listening, alone, { self, heard }), promote);
  const handOver: NextChange = { kind: 'hand-over', to: ['c#c-life'] };
  assert.deepEqual(nextChange(stateOf('c'), voters('a', 'c'), alone, { self, heard }), handOver);
  const barred = new Set(['c#c-life']);
  assert.equal(nextChange(stateOf('c'), voters('a'), alone, { self, heard, barred }), undefined);
});

/** Everybody answers, and nothing is asked of it. */
const ledByA = (time: VirtualTime, members: Members): VotersLog => ({
  self: 'a#a-life',
  leadership: () => ({ isLeader: true }),
  members: () => members,
  heard: () => new Set(members.map(({ id }) => id)),
  readBarrier: (done) => time.soon(() => done(undefined)),
  changeMember: () => assert.fail(),
  transferLeadership: () => assert.fail(),
});

test('a disk that takes for ever to become the tie-breaker holds nobody up', () => {
  const time = new VirtualTime();
  const begun: string[] = [];
  let state = withTie(stateOf('a', 'b'));
  let written: ((id: string) => void) | undefined;
  const log: VotersLog = {
    ...ledByA(time, voters('a', 'b')),
    changeMember: ({ kind, id }, done) => {
      begun.push(`${kind} ${id}`);
      time.soon(() => done(undefined));
    },
  };
  const onDisk: MakeTie = (_device, _owners, done) => {
    begun.push('write');
    written = done;
  };
  const never = () => assert.fail();
  const observe = () => ({ ...NO_TIE_SEEN, state, alive: everybody });
  new VoterKeeper(time, log, observe, { onDisk, proof: never, solo: never });
  time.run(60_000);
  assert.deepEqual(begun, ['write']);
  state = stateOf('a', 'b', 'c');
  time.run(250);
  assert.deepEqual(begun.splice(0), ['write', 'add-learner c#c-life']);
  state = awaitingWitness(stateOf('a', 'b'));
  time.run(250);
  written?.('~tie#1');
  time.run(1000);
  assert.deepEqual(begun, [], 'it is not wanted any more');
  state = withTie(stateOf('a', 'b'));
  time.run(250);
  written?.('~tie#2');
  assert.deepEqual(begun, ['write', 'add-learner ~tie#2']);
});

test('a leader that is to leave, and to whom leadership comes back, tries another one, each time later', () => {
  const time = new VirtualTime();
  const asked: string[] = [];
  const startMs = time.bootMs();
  const log: VotersLog = {
    ...ledByA(time, voters('a', 'b', 'c')),
    transferLeadership: (to) => {
      asked.push(`${nodeOfMember(to)} ${Math.floor((time.bootMs() - startMs) / 1000)}`);
      return undefined;
    },
  };
  const observe = () => ({ ...NO_TIE_SEEN, state: stateOf('b', 'c'), alive: everybody });
  const never = () => assert.fail();
  new VoterKeeper(time, log, observe, { onDisk: never, proof: never, solo: never });
  time.run(60_000);
  assert.deepEqual(asked, ['b 0', 'c 2', 'b 6', 'c 14', 'b 30']);
});
