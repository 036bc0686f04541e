import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSecretParam, MASK as CLUSTERS_MASK } from '../../../cluster/src/fencing/secrets.ts';
import {
  agentProblem,
  deviceText,
  fencingDocument,
  firstAnswers,
  isAccessComplete,
  kindProblem,
  levelsOf,
  linesProblem,
  paramProblem,
  placeProblem,
  type FenceAnswers,
} from '../../src/wizards/fencing-document.ts';
import { isSecret, MASK, withoutSecrets } from '../../src/wizards/secrets.ts';
import { after, clusterWith, shownBy } from './planned.ts';

const IPMI = { ip: '10.0.9.1', username: 'admin', password: 'horse', lanplus: 'true' };
const state = clusterWith({
  cluster: {
    fencing: [
      { node: 'n1', agent: 'fence_ipmilan', params: IPMI },
      { node: 'n2', agent: 'fence_ipmilan', params: { ...IPMI, ip: '10.0.9.2', password: 'battery' } },
    ],
  },
});
const shown = shownBy(state);
const answers: FenceAnswers = {
  ...firstAnswers(shown, 'n2'),
  kind: 'pdu',
  params: { ip: ' 10.0.9.9 ', plug: '7', community: 'staple' },
};
const devices = (given: FenceAnswers, of = state) =>
  after(of, fencingDocument(shownBy(of), 'n2', given)).config.fencing;

test('a device of a later level comes behind all that there are, whose secrets stay', () => {
  const [first, second, third] = devices(answers);
  assert.deepEqual([first?.params['password'], second?.params['password']], ['horse', 'battery']);
  assert.deepEqual(third, {
    node: 'n2',
    agent: 'fence_apc_snmp',
    params: { ip: '10.0.9.9', plug: '7', community: 'staple' },
    level: 2,
    action: 'reboot',
    timeoutMs: 60_000,
    retries: 1,
  });
});

test('a device takes the place of those of its node, joins their level, or goes', () => {
  const facts = (given: FenceAnswers) => devices(given).map(({ node, agent, level }) => [node, agent, level]);
  const n1 = ['n1', 'fence_ipmilan', 1];
  assert.deepEqual(facts({ ...answers, place: 'instead' }), [n1, ['n2', 'fence_apc_snmp', 1]]);
  assert.deepEqual(facts({ ...answers, place: '1', action: 'off' }).at(-1), ['n2', 'fence_apc_snmp', 1]);
  assert.deepEqual(facts({ ...answers, kind: 'none' }), [n1]);
});

test('the first answers are those of the other nodes, without address and secret', () => {
  const { kind, params, place } = firstAnswers(shown, 'n1');
  assert.deepEqual({ kind, params, place }, { kind: 'ipmi', params: { username: 'admin' }, place: 'later' });
  const fresh = firstAnswers(shownBy(clusterWith({})), 'n1');
  assert.deepEqual([fresh.kind, fresh.params, fresh.place], ['ipmi', {}, '1']);
  const last = { node: 'n1', agent: 'fence_own', level: 9 };
  assert.equal(firstAnswers({ cluster: { fencing: [last] } }, 'n1').place, '9');
});

test('any agent is taken but one that proves nothing', () => {
  const other = {
    ...answers,
    kind: 'other',
    agent: ' fence_aws ',
    lines: 'plug=i-1\n\nregion = eu',
  } as const;
  assert.deepEqual(devices(other).at(-1)?.params, { plug: 'i-1', region: 'eu' });
  assert.ok(isAccessComplete(shown, 'n2', other));
  assert.equal(agentProblem(' '), 'agentMissing');
  assert.equal(agentProblem('ipmilan'), 'agentWrong');
  assert.equal(agentProblem('/opt/agents/fence_own'), null);
  for (const agent of ['fence_scsi', '/usr/sbin/fence_mpath', 'fence_compute'])
    assert.equal(agentProblem(agent), 'noProof', agent);
  assert.equal(linesProblem('plug'), 'linesWrong');
  assert.equal(linesProblem('a=1\naction=off'), 'linesOurs');
  assert.equal(linesProblem(''), null);
});

test('what is asked for is needed, and the node itself cannot switch itself off', () => {
  const problem = (
    params: FenceAnswers['params'],
    name: 'ip' | 'password' | 'community',
    kind = answers.kind,
  ) => paramProblem(shown, 'n2', { kind, params }, name);
  assert.equal(problem({}, 'ip'), 'paramMissing');
  assert.equal(problem({ ip: '10.0.2.2' }, 'ip'), 'paramItself');
  assert.equal(problem({ ip: '10.0.2.1' }, 'ip'), null);
  assert.equal(problem({}, 'community'), null);
  assert.equal(problem({}, 'password', 'libvirt'), 'keyMissing');
  assert.equal(problem({ identity_file: '/root/.ssh/fence' }, 'password', 'libvirt'), null);
  assert.equal(problem({}, 'password', 'ipmi'), 'paramMissing');
});

test('two devices of one agent and level, whose secrets the cluster would take for one, are refused', () => {
  const twin = { ...answers, kind: 'ipmi', params: IPMI, place: '1' } as const;
  assert.equal(placeProblem(shown, 'n2', twin), 'placeTwin');
  assert.equal(placeProblem(shown, 'n2', { ...twin, place: 'later' }), null);
  assert.equal(placeProblem(shown, 'n2', { ...twin, place: 'instead' }), null);
});

test('a node keeps its device while something counts on it', () => {
  const asTie = clusterWith({
    cluster: {
      tieBreaker: { kind: 'fencing' },
      fencing: ['n1', 'n2'].map((node) => ({ node, agent: 'fence_dummy' })),
    },
  });
  assert.equal(kindProblem(shownBy(asTie), 'n1', 'none'), 'tieBreaker');
  const without = fencingDocument(shownBy(asTie), 'n1', { ...answers, kind: 'none' });
  assert.throws(() => after(asTie, without), /n1 has no fence device/);
  assert.equal(kindProblem(shown, 'n1', 'none'), null);
  const volumes = [{ name: 'v', fence: 'fencing', nodes: ['n1'] }];
  assert.equal(kindProblem({ volumes }, 'n1', 'none'), 'volumeFence');
});

test('a device is told from the others by where it is', () => {
  const [, , third] = fencingDocument(shown, 'n2', answers).cluster.fencing;
  assert.equal(third && deviceText(third), 'fence_apc_snmp 10.0.9.9 7');
  assert.deepEqual(
    levelsOf([...(shown.cluster?.fencing ?? []), { node: 'x', agent: 'a', level: 3 }]),
    [1, 3],
  );
});

test('secrets are those of the cluster, and are not shown when they were written', () => {
  const names = ['password', 'passwd_script', 'community', 'ssh_key', 'identity_file', 'ipport', 'token'];
  for (const name of names) assert.equal(isSecret(name), isSecretParam(name), name);
  assert.equal(MASK, CLUSTERS_MASK);
  const text = withoutSecrets(fencingDocument(shown, 'n2', answers));
  assert.match(text, /community: <secret>/);
  assert.match(text, /password: "?\*{8}/);
  assert.doesNotMatch(text, /staple/);
  assert.equal(withoutSecrets({ key: '/etc/e/key.pem' }), 'key: /etc/e/key.pem\n', 'a file');
  assert.equal(withoutSecrets({ key: 'staple' }), 'key: <secret>\n');
});
