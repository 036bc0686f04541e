import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDocument } from '../../../cluster/src/service/config/document.ts';
import { createFakeFacade } from '../../../cluster/test/api/fake-facade.ts';
import {
  isCompletePair,
  isUndecidedPair,
  pairDocument,
  pingProblem,
  presentPreference,
} from '../../src/wizards/pair-document.ts';

const three = createFakeFacade().status();
const pair = { ...three, nodes: three.nodes.filter(({ role }) => role === 'node') };
const tie = (kind: 'disk' | 'fencing' | 'word' | 'availability', votes = true) => ({
  tieBreaker: { kind, votes, trouble: null, heldBecause: null },
});

test('only a pair that nobody judges is asked', () => {
  assert.ok(isUndecidedPair(pair));
  assert.ok(isUndecidedPair({ ...pair, ...tie('word') }));
  assert.ok(isUndecidedPair({ ...pair, ...tie('availability') }));
  assert.ok(!isUndecidedPair({ ...pair, ...tie('disk') }));
  assert.ok(!isUndecidedPair({ ...pair, ...tie('fencing') }));
  assert.ok(!isUndecidedPair({ ...pair, consensus: { ...pair.consensus, engine: 'etcd' } }));
  assert.ok(!isUndecidedPair(three), 'a witness votes');
  assert.ok(!isUndecidedPair({ ...three, nodes: three.nodes.slice(1) }), 'a witness takes nothing over');
});

test('availability holds from when it votes', () => {
  assert.equal(presentPreference(pair), 'consistency');
  assert.equal(presentPreference(tie('availability', false)), 'consistency');
  assert.equal(presentPreference(tie('availability')), 'availability');
});

test('a shared disk needs a whole path, and a witness no document', () => {
  assert.ok(!isCompletePair({ choice: 'witness', device: '', ping: '' }));
  assert.ok(!isCompletePair({ choice: 'disk', device: ' ', ping: '' }));
  assert.ok(!isCompletePair({ choice: 'disk', device: 'sdc', ping: '' }));
  assert.ok(isCompletePair({ choice: 'disk', device: '/dev/sdc', ping: '' }));
  assert.ok(isCompletePair({ choice: 'consistency', device: '', ping: '' }));
});

test('a reference address is one that the cluster takes', () => {
  assert.equal(pingProblem(''), null);
  assert.equal(pingProblem('10.0.0.254, fd00::1'), null);
  assert.equal(pingProblem('10.0.0.254 10.0.0.1'), 'pingWrong');
  assert.equal(pingProblem('a,b,c,d,e,f,g,h,i'), 'pingMany');
  assert.ok(!isCompletePair({ choice: 'availability', device: '', ping: '!' }));
});

test('the cluster reads each answer as it was meant', () => {
  const read = (choice: 'disk' | 'consistency' | 'availability') =>
    parseDocument(pairDocument({ choice, device: ' /dev/sdc ', ping: '10.0.0.254, gw,' })).cluster;
  const none = { kind: 'none' };
  const ping = ['10.0.0.254', 'gw'];
  const disk = { kind: 'disk', device: '/dev/sdc', ping };
  assert.deepEqual(read('disk'), { tieBreaker: disk, prefer: 'consistency', ping: [] });
  assert.deepEqual(read('consistency'), { tieBreaker: none, prefer: 'consistency', ping: [] });
  assert.deepEqual(read('availability'), { tieBreaker: none, prefer: 'availability', ping });
});
