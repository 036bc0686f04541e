/** State of front ends between nodes, over real connections and files: who holds it before `save` and before a replica joins. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, describe, it } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Listener, Stream, Timers } from '@eterne/runtime';
import { NodeStream, adoptSocket } from '@eterne/runtime/node/stream.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { SetAnswer, SetProposal } from '../../src/engine/api.ts';
import { FrontState } from '../../src/process/front-state.ts';
import { acceptReplication } from '../../src/process/replication-acceptor.ts';
import { volumeConfig } from '../support/volume-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'eterne-front-'));
const real = createNodeWorld('test');
/** Timers of ten seconds wait until a test says `hurry`. */
const patient: (() => void)[] = [];
const hurry = (): void => {
  for (const fire of patient.splice(0)) fire();
};
const timers: Timers = {
  ...real.timers,
  after: (delayMs, fire) => {
    if (delayMs < 10_000) return real.timers.after(delayMs, fire);
    let isCancelled = false;
    patient.push(() => !isCancelled && fire());
    return { cancel: () => (isCancelled = true) };
  },
};
const world = { ...real, timers, log: () => {} };
const nodes: TestNode[] = [];

after(() => {
  for (const node of nodes) node.stop();
  rmSync(folder, { recursive: true });
});

/** A replica of which only the state is real. */
class TestNode {
  readonly name: string;
  readonly peer: string;
  readonly view = { term: 1, role: 'secondary' as 'primary' | 'secondary', inSyncSet: ['a', 'b'] };
  readonly peers: Record<string, string[]> = {};
  state: FrontState | undefined;
  #listener: Listener | undefined;
  readonly #accepted: Stream[] = [];
  address = '127.0.0.1:0';

  constructor(name: string, peer: string) {
    this.name = name;
    this.peer = peer;
    nodes.push(this);
  }

  async start(place: string): Promise<void> {
    const config = volumeConfig('v', {
      node: this.name,
      metadataPath: join(folder, `${place}-${this.name}`),
      peers: this.peers,
    });
    this.state = await new Promise<FrontState>((resolve, reject) =>
      FrontState.open(
        world,
        config,
        () => this.view,
        (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
      ),
    );
    this.#listener = await new Promise<Listener>((resolve, reject) =>
      acceptReplication(
        world,
        this.address,
        (preface, stream, surplus) => {
          const mine = handedOver(stream, surplus);
          this.#accepted.push(mine);
          this.state?.accept(mine, preface.fromNode);
        },
        (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
      ),
    );
    this.address = this.#listener.address;
  }

  stop(): void {
    this.#listener?.close();
    for (const stream of this.#accepted) stream.destroy();
    this.state?.end();
  }

  begin(): Promise<void> {
    this.view.role = 'primary';
    return this.#done((done) => this.state?.begin(done));
  }

  save(text: string): Promise<void> {
    return this.#done((done) => this.state?.save(Buffer.from(text), done));
  }

  get content(): string {
    return this.state?.content.toString() ?? '';
  }

  #done(start: (done: (error: EterneError | undefined) => void) => void): Promise<void> {
    return new Promise((resolve, reject) =>
      start((error) => (error === undefined ? resolve() : reject(error))),
    );
  }
}

async function pair(place: string): Promise<readonly [TestNode, TestNode]> {
  const [a, b] = [new TestNode('a', 'b'), new TestNode('b', 'a')];
  await b.start(place);
  a.peers.b = [b.address];
  await a.start(place);
  b.peers.a = [a.address];
  return [a, b];
}

/** As after its way from the supervisor to a worker. */
function handedOver(stream: Stream, surplus: Buffer): Stream {
  assert.ok(stream instanceof NodeStream);
  return adoptSocket(stream.release(), stream.localAddress, stream.remoteAddress, surplus);
}

/** Whether it happens within a time in which it would have happened long ago. */
const settles = (what: Promise<unknown>): Promise<boolean> =>
  Promise.race([what.then(() => true), sleep(600).then(() => false)]);

describe('state of a front end', () => {
  it('is on every member of the in-sync set before `save` is done, and is found there after a take-over', async () => {
    const [a, b] = await pair('moves');
    await a.begin();
    await a.save('one');
    assert.equal(b.content, 'one');
    a.stop();
    b.view.term = 2;
    b.view.inSyncSet = ['b'];
    await b.begin();
    assert.equal(b.content, 'one');
    const again = new TestNode('b', 'a');
    again.peers.a = [];
    await again.start('moves');
    assert.equal(again.content, 'one');
  });

  it('waits for a member that is away until it is no member any more', async () => {
    const [a, b] = await pair('waits');
    await a.begin();
    b.stop();
    await sleep(50);
    const saved = a.save('two');
    assert.equal(await settles(saved), false);
    a.view.inSyncSet = ['a'];
    a.state?.advance();
    await saved;
  });

  it('lets nobody join before it holds the newest state', async () => {
    const [a, b] = await pair('joins');
    a.view.inSyncSet = ['a'];
    a.peers.b = []; // out of reach
    await a.begin();
    await a.save('three');
    assert.equal(b.content, '');
    a.peers.b = [b.address];
    const proposals: SetProposal[] = [];
    const guarded = a.state?.guard({
      propose: (proposal, done) => {
        assert.equal(b.content, 'three');
        proposals.push(proposal);
        done({ kind: 'committed', set: { version: 2, members: proposal.members } });
      },
    });
    const proposal = {
      volume: 'v',
      term: { number: 1, grantor: 'a' },
      expectedVersion: 1,
      members: ['a', 'b'],
      reason: 'test',
    };
    const answer = await new Promise<SetAnswer>((resolve) => guarded?.propose(proposal, resolve));
    assert.equal(answer.kind, 'committed');
    assert.equal(proposals.length, 1);
  });

  it('keeps out of the in-sync set who takes no state, and lets everything else of the proposal pass', async () => {
    const [a, b] = await pair('stays-out');
    a.view.inSyncSet = ['a', 'c'];
    b.stop();
    void a.begin().catch(() => {}); // `c` never answers
    const asked: (readonly string[])[] = [];
    const guarded = a.state?.guard({
      propose: (given, done) => {
        asked.push(given.members);
        done({ kind: 'committed', set: { version: 2, members: given.members } });
      },
    });
    const propose = (members: readonly string[]): Promise<SetAnswer> =>
      new Promise((resolve) =>
        guarded?.propose(
          { volume: 'v', term: { number: 1, grantor: 'a' }, expectedVersion: 1, members, reason: 'test' },
          resolve,
        ),
      );
    const only = propose(['a', 'b', 'c']);
    const both = propose(['a', 'b']);
    assert.equal(await settles(only), false);
    hurry();
    assert.deepEqual(await only, { kind: 'committed', set: { version: 1, members: ['a', 'c'] } });
    assert.deepEqual(await both, { kind: 'committed', set: { version: 2, members: ['a'] } });
    assert.deepEqual(asked, [['a']]);
  });

  it('takes nothing from a primary of an older term', async () => {
    const [a, b] = await pair('stale');
    await a.begin();
    b.view.term = 2;
    assert.equal(await settles(a.save('late')), false);
    assert.equal(b.content, '');
  });
});
