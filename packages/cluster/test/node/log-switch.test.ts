/** Moves of the log with engines that are slow, fail, and nodes that die at every single step, in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { LogMarker } from '../../src/node/log-marker.ts';
import { LogSwitch } from '../../src/node/log-switch.ts';
import { votersOf } from '../../src/node/voters.ts';
import { apply } from '../../src/state/apply.ts';
import { decodeCommand, decodeState, encodeState } from '../../src/state/codec.ts';
import type { Command } from '../../src/state/commands.ts';
import { FIRST_LEVEL } from '../../src/state/levels.ts';
import type { ClusterState, ConsensusSpec } from '../../src/state/model.ts';
import { MachineTime, VirtualTime } from '../service/virtual-time.ts';
import { foundedState } from '../state/founded.ts';
import { type Durable, FakeEngines, SharedLogs, type Troubles } from './support/fake-logs.ts';

const ETCD: ConsensusSpec = { engine: 'etcd', endpoints: ['e:2379'], ca: null, cert: null, key: null };
const NAMES = ['n1', 'n2', 'w1'];
const RESTART_MS = 40;
const SETTLED_MS = 60_000;

type Direction = 'into etcd' | 'out of etcd';
const stamp = { atMs: 0 };

/** In epoch 0 in the nodes, or in epoch 1 in an etcd, where everybody has followed. */
function beginning(direction: Direction): ClusterState {
  const founded = foundedState();
  const state: ClusterState = { ...founded, config: { ...founded.config, consensus: ETCD } };
  if (direction === 'into etcd') return state;
  return { ...state, log: { ...state.log, epoch: 1, consensus: ETCD, followed: NAMES } };
}

class Node {
  readonly name: string;
  readonly #bench: Bench;
  readonly durable: Durable;
  state: ClusterState;
  log: LogSwitch | undefined;
  engines: FakeEngines | undefined;
  /** Every entry of this life, by its index. */
  readonly seen: { readonly index: number; readonly command: Command }[] = [];
  lives = 0;

  constructor(bench: Bench, name: string, marker: LogMarker) {
    this.#bench = bench;
    this.name = name;
    this.state = bench.first;
    const files = new Set(marker.consensus.engine === 'embedded' ? [marker.epoch] : []);
    this.durable = { marker, files, failed: new Map() };
  }

  start(troubles: Troubles): void {
    this.lives += 1;
    this.seen.length = 0;
    const time = new MachineTime(this.#bench.time);
    const engines = new FakeEngines(this.#bench.logs, time, this.durable, troubles, this.name === 'n1');
    const log = new LogSwitch({
      world: { timers: time, clock: time, log: () => {} },
      self: this.name,
      engines,
      subject: {
        encode: () => assert.fail('the fakes encode'),
        decode: () => assert.fail('the fakes decode'),
        takeSnapshot: () => encodeState(this.state),
        restoreSnapshot: (bytes) => (this.state = decodeState(bytes)),
        stopped: (error) => assert.fail(error),
      },
      state: () => this.state,
    });
    log.onApplied((command, index) => {
      assert(!this.seen.some((entry) => entry.index >= index), 'entries come in order, each once');
      this.seen.push({ index, command });
      this.state = apply(this.state, command).state;
    });
    Object.assign(this, { log, engines });
    troubles.onCrash = () => this.#restart(log, engines, time, { ...troubles, crashAt: 0 });
    log.open(this.durable.marker, (error) => {
      // As a node whose start fails, which its launcher starts again.
      if (error) this.#restart(log, engines, time, troubles);
    });
  }

  #restart(log: LogSwitch, engines: FakeEngines, time: MachineTime, troubles: Troubles): void {
    engines.isDead = true;
    log.close();
    time.pause();
    this.#bench.time.after(RESTART_MS, () => this.start(troubles));
  }
}

class Bench {
  readonly time = new VirtualTime();
  readonly logs = new SharedLogs();
  readonly first: ClusterState;
  readonly nodes: readonly Node[];
  /** Numbers of the `token-add` entries that somebody was told to be applied. */
  readonly acknowledged: number[] = [];

  constructor(direction: Direction) {
    this.first = beginning(direction);
    const { epoch, consensus } = this.first.log;
    const image = { index: 10, state: encodeState(this.first), members: votersOf(this.first) };
    this.logs.make({ epoch, consensus }, image);
    this.nodes = NAMES.map((name) => new Node(this, name, { epoch, consensus }));
  }

  node(name: string): Node {
    return this.nodes.find((node) => node.name === name) ?? assert.fail(name);
  }

  /** What a service would do: the leader its duties, and somebody goes on writing. */
  drive(direction: Direction): void {
    const to = direction === 'into etcd' ? 'etcd' : 'embedded';
    this.time.every(100, () => this.#order(to));
    this.time.every(50, () => this.#lead());
    let number = 0;
    this.time.every(30, () => {
      const mine = (number += 1);
      const command: Command = { kind: 'token-add', hash: `${mine}`, token: { expiresAtMs: 0 }, ...stamp };
      this.node('w1').log?.append(command, (result) => {
        if (result.kind === 'applied') this.acknowledged.push(mine);
      });
    });
  }

  /** As often as the operator's word gets lost with the node that he has given it to. */
  #order(to: 'etcd' | 'embedded'): void {
    const { log, state } = this.node('n1');
    if (state.log.epoch === this.first.log.epoch && state.log.phase === 'steady')
      log?.append({ kind: 'log-move', to, ...stamp }, () => {});
  }

  #lead(): void {
    const { log, state } = this.node('n1');
    if (!log?.leadership().isLeader) return;
    const { phase, epoch, ready } = state.log;
    const said = { epoch, leaderTerm: state.leaderTerm, ...stamp };
    const say = (command: Command): void => log.append(command, () => {});
    if (phase === 'moving' && NAMES.every((name) => ready.includes(name))) say({ kind: 'log-seal', ...said });
    if (phase === 'sealed') say({ kind: 'log-begin', epoch: epoch + 1, ...stamp });
    if (phase === 'settling') say({ kind: 'log-settled', ...said });
  }

  start(name: string, troubles: Partial<Troubles> = {}): void {
    this.node(name).start({ crashAt: 0, failures: 0, callMs: () => 2, onCrash: () => {}, ...troubles });
  }

  settle(direction: Direction): void {
    const epoch = direction === 'into etcd' ? 1 : 2;
    this.time.until(
      () =>
        this.nodes.every(
          ({ state, durable }) =>
            durable.marker.epoch === epoch &&
            state.log.epoch === epoch &&
            state.log.phase === 'steady' &&
            state.log.followed.length === NAMES.length,
        ),
      SETTLED_MS,
      `all in epoch ${epoch}: ${JSON.stringify(this.nodes.map(({ name, state, log }) => [name, state.log, log?.trouble]))}`,
    );
    this.time.run(10_000);
  }

  /** Nothing of what was promised is gone, and there are not two logs. */
  check(direction: Direction): void {
    const [from, to] = direction === 'into etcd' ? [0, 1] : [1, 2];
    assert.equal(this.logs.begun, 2, 'the epoch before and one more, begun once');
    const states = this.nodes.map(({ state }) =>
      encodeState({ ...state, tokens: {}, events: [] }).toString(),
    );
    assert.equal(new Set(states).size, 1, 'one state');
    for (const { name, durable, engines } of this.nodes) {
      const files = direction === 'into etcd' ? [] : [to];
      assert.deepEqual([...durable.files], files, `${name} keeps no log that is over`);
      const open = [...(engines?.opened ?? [])].filter(({ isClosed }) => !isClosed);
      assert.equal(open.length, 1, `${name} has one log open`);
    }
    const [before, next] = [this.logs.at(from), this.logs.at(to)];
    const sealed = before.entries.findIndex((entry) => entry.toString().includes('"log-seal"'));
    assert.equal(next.first.index, before.first.index + sealed + 1, 'the seal is its end');
    const counts = new Set([...before.entries.slice(0, sealed), ...next.entries].map(hashOf));
    const lost = this.acknowledged.filter((number) => !counts.has(`${number}`));
    assert.deepEqual(lost, [], 'everything that was acknowledged is in a log that counts');
  }
}

function hashOf(entry: Buffer): string {
  const command = decodeCommand(entry, FIRST_LEVEL);
  return command.kind === 'token-add' ? command.hash : '';
}

const DIRECTIONS: readonly Direction[] = ['into etcd', 'out of etcd'];

/** Tells how many steps the node took in its first life. */
function move(direction: Direction, troubles: Readonly<Record<string, Partial<Troubles>>>): Bench {
  const bench = new Bench(direction);
  for (const name of NAMES) bench.start(name, troubles[name] ?? {});
  bench.drive(direction);
  bench.settle(direction);
  bench.check(direction);
  return bench;
}

for (const direction of DIRECTIONS) {
  test(`a log moves ${direction} while entries are appended`, () => {
    const bench = move(direction, {});
    assert(bench.acknowledged.length > 100);
  });

  test(`a node that dies at any step of a move ${direction} goes on from there`, () => {
    const { steps } = move(direction, {}).node('n2').engines ?? assert.fail('it has engines');
    assert(steps >= 8, 'there are steps to die at');
    for (let crashAt = 1; crashAt <= steps; crashAt += 1)
      for (const name of ['n1', 'n2']) {
        const bench = move(direction, { [name]: { crashAt } });
        assert.equal(bench.node(name).lives, 2, `${name} died at step ${crashAt}`);
      }
  });

  test(`all nodes die at one step of a move ${direction}`, () => {
    const { steps } = move(direction, {}).node('n2').engines ?? assert.fail('it has engines');
    for (let crashAt = 1; crashAt <= steps; crashAt += 1)
      move(direction, { n1: { crashAt }, n2: { crashAt }, w1: { crashAt } });
  });

  test(`engines that fail again and again put a move ${direction} off, and no more`, () => {
    move(direction, { n1: { failures: 3 }, n2: { failures: 5 }, w1: { failures: 1 } });
  });

  test(`engines that are slow put a move ${direction} off, and no more`, () => {
    const bench = move(direction, { n1: { callMs: () => 1700 }, n2: { callMs: () => 3100 } });
    const { steps } = bench.node('n2').engines ?? assert.fail('it has engines');
    for (let crashAt = 1; crashAt <= steps; crashAt += 1)
      move(direction, { n1: { callMs: () => 1700 }, n2: { callMs: () => 3100, crashAt } });
  });
}

test('a seal that a node has in a snapshot only is seen when it starts', () => {
  const bench = new Bench('into etcd');
  const log = bench.logs.at(0);
  const leader = { epoch: 0, leaderTerm: bench.first.leaderTerm, ...stamp };
  const ready: readonly Command[] = NAMES.map((node) => ({ kind: 'log-ready', node, epoch: 0, ...stamp }));
  for (const command of [
    { kind: 'log-move', to: 'etcd', ...stamp },
    ...ready,
    { kind: 'log-seal', ...leader },
  ])
    log.append(command as Command);
  log.compact(log.lastIndex);
  for (const name of NAMES) bench.start(name);
  bench.drive('into etcd');
  bench.settle('into etcd');
  bench.check('into etcd');
});

test('nothing is opened after it was closed', () => {
  const bench = new Bench('into etcd');
  for (const name of NAMES) bench.start(name);
  bench.drive('into etcd');
  const { log, engines } = bench.node('n2');
  bench.time.until(() => bench.node('n2').state.log.phase === 'sealed', SETTLED_MS, 'sealed');
  log?.close();
  bench.time.run(10_000);
  assert.deepEqual(
    [...(engines?.opened ?? [])].map(({ isClosed }) => isClosed),
    [true],
  );
});

test('who waits for an entry behind the seal is told that it never counts', () => {
  const bench = new Bench('into etcd');
  for (const name of NAMES) bench.start(name);
  bench.drive('into etcd');
  const answers: string[] = [];
  bench.time.every(5, () =>
    bench
      .node('n2')
      .log?.append({ kind: 'cluster-maintenance', on: false, ...stamp }, (result) =>
        answers.push(result.kind === 'applied' ? result.kind : result.error.code),
      ),
  );
  bench.settle('into etcd');
  assert(answers.includes('applied') && answers.includes('no-quorum'));
  assert(!answers.includes('unknown'));
});

test('an engine that cannot be opened is told, and so is why a log cannot move', () => {
  const bench = new Bench('into etcd');
  bench.start('n1');
  bench.start('w1');
  bench.start('n2', { failures: 4 });
  bench.drive('into etcd');
  bench.time.until(() => bench.node('n2').log?.trouble !== undefined, SETTLED_MS, 'trouble is told');
  assert.match(bench.node('n2').log?.trouble ?? '', /the log cannot move: probe fails/);
  bench.settle('into etcd');
  assert.equal(bench.node('n2').log?.trouble, undefined);
});

test('why a node cannot follow is told until the log is to stay where it is', () => {
  const bench = new Bench('into etcd');
  for (const name of NAMES) bench.start(name);
  bench.time.run(1000);
  const { log: leads } = bench.node('n1');
  const away = bench.node('n2');
  const { engines } = away;
  assert(engines !== undefined && leads !== undefined);
  engines.probe = (_consensus, done) => done(new EterneError('unreachable', 'e:2379 does not answer'));
  leads.append({ kind: 'log-move', to: 'etcd', ...stamp }, () => {});
  bench.time.run(3000);
  assert.equal(away.log?.trouble, 'the log cannot move: e:2379 does not answer');
  const { epoch } = away.state.log;
  const stay = { leaderTerm: away.state.leaderTerm, reason: 'n2 does not reach where it was to go' };
  leads.append({ kind: 'log-stay', epoch, ...stay, ...stamp }, () => {});
  bench.time.run(3000);
  assert.equal(away.state.log.phase, 'settling');
  assert.equal(away.log?.trouble, undefined);
});
