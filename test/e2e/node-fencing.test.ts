/**
 * Two nodes and nothing else but a power switch for each: whoever has switched the other off goes on alone. The switch is a fence agent of the
 * test, which ends every process of a node as a power cut would.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DAEMON_NAMES } from '@eterne/cluster/node/layout.ts';
import { nodeProcesses } from '@eterne/runtime/node/processes.ts';
import { ClusterLab, isWellOn } from './support/cluster-lab.ts';
import { until, type ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const SECRET = 'not-to-be-seen';
const lab = await ClusterLab.make('fencing');
const n1 = lab.member('n1', 81);
const n2 = lab.member('n2', 82);
const agent = join(lab.root, 'fence_switch');
/** While it is there no switch works. */
const burnt = join(lab.root, 'burnt');

/** A node runs as long as its launcher does: every other process of it dies with that one. */
writeFileSync(
  agent,
  `#!/bin/sh
while read -r line; do case "$line" in action=*) action="\${line#*=}";; dir=*) dir="\${line#*=}";; esac; done
launcher() { for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q "launcher.ts $dir " && basename $p; done; }
case "$action" in
metadata) echo '<resource-agent><actions><action name="on"/><action name="off"/><action name="status"/><action name="monitor"/></actions></resource-agent>'; exit 0;;
esac
[ -e ${burnt} ] && { echo "no answer from the switch" >&2; exit 1; }
case "$action" in
off) for pid in $(launcher); do kill -9 $pid; done;;
status) [ -z "$(launcher)" ] && exit 2;;
esac
exit 0
`,
);
chmodSync(agent, 0o755);

const switchOf = (node: ClusterNode): string =>
  `{ node: ${node.name}, agent: ${agent}, params: { dir: ${node.dir}, password: ${SECRET} }, timeout: 20s }`;

const DOCUMENT = `cluster:
  tieBreaker: { kind: fencing, delay: 1s }
  fencing: [${switchOf(n1)}, ${switchOf(n2)}]
volumes:
  - { name: v, size: 8MiB, mode: sync, replicas: { n1: ${n1.dir}/v.img, n2: ${n2.dir}/v.img } }
groups:
  - name: g
    nodes: [n1, n2]
    resources:
      - { name: vol, type: mirror, volume: v, attach: none }
      - ${lab.program()}
`;

const isWell = (owner: ClusterNode): Promise<boolean> =>
  isWellOn(owner, ({ tieBreaker }) => tieBreaker?.votes === true);

const goesOnAlone = async (node: ClusterNode): Promise<boolean> => {
  const status = await node.status();
  const [group] = status?.groups ?? [];
  return status?.tieBreaker?.heldBecause != null && group?.owner === node.name && group.state === 'online';
};

before(() => lab.begin(DOCUMENT));

after(() => lab.end());

test('nobody sees the secret', async () => {
  await until('the group is well on n1', () => isWell(n1));
  const shown = await eterne('config', 'show', '--dir', n1.dir);
  assert.match(shown.stdout, /fence_switch/);
  const status = await eterne('status', '--json', '--dir', n1.dir);
  const events = await eterne('events', '--json', '--dir', n1.dir);
  for (const { stdout } of [shown, status, events]) assert.doesNotMatch(stdout, new RegExp(SECRET));
  const logs = ['service', 'monitor'].map((name) => readFileSync(join(n1.dir, 'log', `${name}.log`), 'utf8'));
  assert.doesNotMatch(logs.join(''), new RegExp(SECRET));
});

test(
  'a node that hangs with its application running is switched off before that starts elsewhere',
  { timeout: 600_000 },
  async () => {
    const [program] = lab.programs();
    const daemons = DAEMON_NAMES.map((name) => n1.pidOf(name) ?? 0);
    const all = [...n1.processes().keys(), ...daemons];
    assert.ok(daemons.every((pid) => pid > 0));
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    await until('n2 goes on alone', () => goesOnAlone(n2));
    assert.equal(lab.programs().length, 1);
    assert.notEqual(lab.programs()[0], program);
    assert.ok(
      all.every((pid) => nodeProcesses.startTime(pid) === undefined),
      'nothing of n1 is left',
    );
    await n1.ended();
    await n1.start();
    await until('the group is well on n2', () => isWell(n2));
  },
);

test('fenced by an order', { timeout: 600_000 }, async () => {
  const { code, stdout, stderr } = await eterne('node', 'fence', 'n1', '--json', '--dir', n2.dir);
  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as { node: string }).node, 'n1');
  await n1.ended();
  await n1.start();
  await until('the group is well on n2', () => isWell(n2));
});

test(
  'while the switch does not work nobody goes on alone, except by an operator’s word',
  { timeout: 600_000 },
  async () => {
    writeFileSync(burnt, '');
    n2.signal('SIGKILL');
    await until('n1 has tried', async () => {
      const status = await n1.status();
      return /no answer from the switch/.test(status?.tieBreaker?.trouble ?? '');
    });
    await until('it runs nowhere', () => lab.programs().length === 0);
    const { code, stderr } = await eterne('node', 'confirm-stopped', 'n2', '--dir', n1.dir);
    assert.equal(code, 0, stderr);
    await until('n1 goes on alone', () => goesOnAlone(n1));
    rmSync(burnt);
    await n2.ended();
    await until('what the launcher left behind ends', () => n2.processes().size === 0);
    await n2.start();
    await until('the group is well on n1', () => isWell(n1));
    assert.doesNotMatch(execFileSync('ps', ['axww', '-o', 'args'], { encoding: 'utf8' }), new RegExp(SECRET));
  },
);
