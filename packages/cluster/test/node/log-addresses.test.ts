import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogAddresses } from '../../src/node/log-addresses.ts';
import type { PathStatus } from '../../src/ports.ts';
import { emptyState } from '../../src/state/apply.ts';
import type { ClusterState, Member } from '../../src/state/model.ts';

const stateOf = (
  ...members: readonly (readonly [name: string, life: string, address: string])[]
): ClusterState => ({
  ...emptyState(),
  members: Object.fromEntries(
    members.map(([name, voterId, address]) => [
      name,
      { name, voterId, addresses: [address] } as unknown as Member,
    ]),
  ),
});

const SEEDS = [{ node: 'n1', role: 'node', addresses: ['10.0.0.1:7700'] }] as const;

function known(caughtUp: boolean, state: ClusterState, paths: readonly PathStatus[] = []) {
  const seen = { caughtUp, state, paths };
  return { seen, addresses: new LogAddresses(SEEDS, () => seen) };
}

test('a member is where the log has it, under the life that it has there', () => {
  const { addresses } = known(true, stateOf(['n1', 'b', '10.0.0.9:7700']));
  assert.deepEqual(addresses.of('n1#b'), ['10.0.0.9:7700']);
  assert.deepEqual(addresses.of('n1#a'), [], 'who had the name before has not moved there');
  assert.deepEqual(addresses.of('n2#a'), []);
});

test('who has left the cluster is where it was: its log may be needed to let it go', () => {
  const { seen, addresses } = known(
    true,
    stateOf(['n1', 'a', '10.0.0.1:7700'], ['n2', 'a', '10.0.0.2:7700']),
  );
  addresses.learn();
  seen.state = stateOf(['n1', 'a', '10.0.0.1:7700']);
  assert.deepEqual(addresses.of('n2#a'), ['10.0.0.2:7700']);
  seen.state = stateOf(['n1', 'a', '10.0.0.1:7700'], ['n2', 'b', '10.0.0.3:7700']);
  assert.deepEqual(addresses.of('n2#a'), ['10.0.0.2:7700']);
  assert.deepEqual(addresses.of('n2#b'), ['10.0.0.3:7700']);
});

test('before the log has told: where its heart is heard, where it was, where this node was told to ask', () => {
  const heard = [{ peer: 'n1', up: true, remote: ['10.0.0.5:7700'] }] as unknown as readonly PathStatus[];
  const { addresses } = known(false, stateOf(['n1', 'a', '10.0.0.4:7700']), heard);
  assert.deepEqual(addresses.of('n1#a'), ['10.0.0.5:7700', '10.0.0.4:7700', '10.0.0.1:7700']);
});

test('as many former members are remembered as a log may have twice', () => {
  const { seen, addresses } = known(true, stateOf());
  for (let life = 0; life < 200; life += 1) {
    seen.state = stateOf(['n1', String(life), `10.0.0.1:${7000 + life}`]);
    addresses.learn();
  }
  assert.deepEqual(addresses.of('n1#71'), []);
  assert.deepEqual(addresses.of('n1#72'), ['10.0.0.1:7072']);
});
