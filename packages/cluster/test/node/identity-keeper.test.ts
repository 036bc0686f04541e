import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { decodeIdentity, type NodeIdentity } from '../../src/node/identity.ts';
import { IdentityKeeper } from '../../src/node/identity-keeper.ts';
import type { ClusterState, Member } from '../../src/state/model.ts';
import { VirtualWorld } from '../heart/virtual-world.ts';
import { foundedState } from '../state/founded.ts';

const founded = foundedState();
const seeds = Object.values(founded.members).map(({ name, role, addresses }) => ({
  node: name,
  role,
  addresses,
}));

const IDENTITY: NodeIdentity = {
  version: 1,
  clusterName: 'demo',
  clusterId: 'id',
  node: 'n1',
  role: 'node',
  addresses: ['n1:7700'],
  api: 'n1:8443',
  clusterKey: Buffer.alloc(32, 7),
  tls: { certPem: 'c', keyPem: 'k', caPem: 'a' },
  voterId: 'n1-voter',
  founder: true,
  seeds,
};

/** Files that are written late, or fail. */
class Bed {
  readonly world = new VirtualWorld();
  readonly written: { readonly identity: NodeIdentity; readonly mode: number }[] = [];
  fails = false;
  readonly keeper: IdentityKeeper;

  constructor() {
    const { timers } = this.world.machine(0);
    const files = {
      makeFolder: (_path: string, done: (error: EterneError | undefined) => void) => done(undefined),
      writeFileAtomic: (
        _path: string,
        content: Buffer,
        mode: number,
        done: (error: EterneError | undefined) => void,
      ) =>
        void timers.after(50, () => {
          if (this.fails) return done(new EterneError('io', 'the disk is full'));
          this.written.push({ identity: decodeIdentity(content), mode });
          done(undefined);
        }),
    } as unknown as Files;
    this.keeper = new IdentityKeeper({ files, timers, log: () => {} }, '/node', IDENTITY);
  }
}

function moved(name: string, change: Partial<Member>): ClusterState {
  const member = founded.members[name];
  assert.ok(member);
  return { ...founded, members: { ...founded.members, [name]: { ...member, ...change } } };
}

test('nothing is written while nobody has moved', () => {
  const bed = new Bed();
  bed.keeper.follow(founded);
  bed.keeper.follow(moved('n2', { presence: 'lost' }));
  bed.world.run(5000);
  assert.deepEqual(bed.written, []);
});

test('where this node and the others are is written, and everything else stays', () => {
  const bed = new Bed();
  bed.keeper.follow(moved('n1', { addresses: ['n1:7700', 'n1-second:7700'], api: 'n1-second:8443' }));
  bed.world.run(1000);
  bed.keeper.follow(moved('n2', { addresses: ['n2-second:7700'] }));
  bed.world.run(1000);
  const [first, second] = bed.written.map(({ identity }) => identity);
  assert.deepEqual(first?.addresses, ['n1:7700', 'n1-second:7700']);
  assert.equal(first.api, 'n1-second:8443');
  assert.deepEqual(second, {
    ...IDENTITY,
    seeds: [seeds[0], { node: 'n2', role: 'node', addresses: ['n2-second:7700'] }, seeds[2]],
  });
  assert.ok(bed.written.every(({ mode }) => mode === 0o600));
});

test('a write that fails is tried again; of several changes the newest is what stays', () => {
  const bed = new Bed();
  bed.fails = true;
  bed.keeper.follow(moved('n1', { addresses: ['a:7700'] }));
  bed.world.run(200);
  bed.keeper.follow(moved('n1', { addresses: ['b:7700'] }));
  bed.fails = false;
  bed.world.run(3000);
  assert.deepEqual(
    bed.written.map(({ identity }) => identity.addresses),
    [['b:7700']],
  );
});

test('where another machine is that has its name now is not where this node is', () => {
  const bed = new Bed();
  bed.keeper.follow(
    moved('n1', { voterId: 'another', addresses: ['elsewhere:7700'], api: 'elsewhere:8443' }),
  );
  bed.world.run(1000);
  assert.deepEqual(bed.written, []);
});
