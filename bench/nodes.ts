/**
 * The largest cluster on one machine: `npm run bench -- nodes [--seconds N] [--nodes N]`. 32 nodes, all of them voters and with all their daemons, carry 64 groups
 * (of fewer nodes each carries two); what they use while nothing happens, and that ten nodes lost one after another take no group with them.
 */
import assert from 'node:assert/strict';
import { MIB } from '@eterne/base';
import { eventList } from '@eterne/cluster/api/schema/status.ts';
import { daemonLogPath, DAEMON_NAMES } from '@eterne/cluster/node/layout.ts';
import { ClusterLab } from '../test/e2e/support/cluster-lab.ts';
import type { ClusterNode } from '../test/e2e/support/cluster-node.ts';
import { eterne } from '../test/e2e/support/disk-node.ts';
import { familyOf, readIfAlive, pssBytesOf, sleep, usageOf } from './lib/processes.ts';
import { isDying, sighting } from './lib/sightings.ts';

interface Options {
  readonly seconds: number;
  readonly nodes: number;
}

const GROUPS_PER_NODE = 2;
/** Of 32; of fewer as many as leave a majority. */
const LOSSES_MAX = 10;
const PATIENCE_MS = 180_000;
/** Whether it is one that is about to end. */
const LATER_LOOKS_MS = [50, 150, 800, 4000];
/** Of the timeline: all that a node tells at once. */
const EVENTS = 500;
/** Loopback addresses that no test uses. */
const FIRST_ADDRESS = 101;

const show = (part: string, text: string): void => void process.stdout.write(`${part}: ${text}\n`);
const mib = (pids: readonly number[]): number => pssBytesOf(pids) / MIB;
const secondsSince = (startedMs: number): string => ((performance.now() - startedMs) / 1000).toFixed(1);

export async function benchNodes({ seconds, nodes }: Options): Promise<void> {
  const lab = await ClusterLab.make('nodes');
  const living = Array.from({ length: nodes }, (_, index) =>
    lab.member(`n${index + 1}`, FIRST_ADDRESS + index),
  );
  try {
    await form(lab, living);
    await idle(living, seconds);
    await lose(lab, living, Math.min(LOSSES_MAX, Math.ceil(nodes / 2) - 1), nodes * GROUPS_PER_NODE);
    await idle(living, seconds);
  } finally {
    await lab.end();
  }
}

async function form(lab: ClusterLab, nodes: readonly ClusterNode[]): Promise<void> {
  const startedMs = performance.now();
  await lab.begin('cluster: { edition: cluster }');
  show('form', `${nodes.length} nodes joined one after another within ${secondsSince(startedMs)} s`);
  const appliedMs = performance.now();
  await lab.apply(`groups:\n${groupLines(lab, nodes)}`);
  const groups = nodes.length * GROUPS_PER_NODE;
  await untilAllRun(lab, nodes, groups);
  show('place', `${groups} groups online after ${secondsSince(appliedMs)} s`);
}

/** Each group may run everywhere and prefers one node: two at home on each. */
function groupLines(lab: ClusterLab, nodes: readonly ClusterNode[]): string {
  const names = nodes.map(({ name }) => name);
  const line = (index: number): string => {
    const home = index % names.length;
    const order = [...names.slice(home), ...names.slice(0, home)].join(', ');
    return `  - { name: g${index}, nodes: [${order}], resources: [${lab.program(`g${index}`)}] }\n`;
  };
  return Array.from({ length: names.length * GROUPS_PER_NODE }, (_, index) => line(index)).join('');
}

/** By the cluster's word, and by the programs that run: of each group exactly one. */
async function untilAllRun(lab: ClusterLab, living: readonly ClusterNode[], groups: number): Promise<void> {
  const names = new Set(living.map(({ name }) => name));
  for (const startedMs = performance.now(); ; await sleep(500)) {
    const status = await living[0]?.status();
    const online = status?.groups.filter(
      ({ owner, state }) => state === 'online' && owner !== null && names.has(owner),
    );
    if (status?.quorate && online?.length === groups) break;
    assert.ok(
      performance.now() - startedMs < PATIENCE_MS,
      `${online?.length} of ${groups} groups are online`,
    );
  }
  for (let index = 0; index < groups; index += 1) await runsOnce(lab, living, `g${index}`);
}

/** Says who they are when there is not exactly one, now and later, and what the cluster tells of it. */
async function runsOnce(lab: ClusterLab, living: readonly ClusterNode[], group: string): Promise<void> {
  const pids = lab.programs(group);
  if (pids.filter((pid) => !isDying(pid)).length === 1) return;
  const startedMs = performance.now();
  const look = (): void =>
    show(group, [`after ${secondsSince(startedMs)} s`, ...lab.programs(group).map(sighting)].join('\n  '));
  show(group, ['found', ...pids.map(sighting)].join('\n  '));
  for (const afterMs of LATER_LOOKS_MS) {
    await sleep(afterMs);
    look();
  }
  show(group, [...(await timelineOf(living[0], group)), ...logged(living, group)].join('\n  '));
  assert.fail(`${group}: ${pids.length} programs, one expected`);
}

async function timelineOf(asked: ClusterNode | undefined, group: string): Promise<readonly string[]> {
  if (asked === undefined) return [];
  const { stdout } = await eterne('events', '--json', '--limit', String(EVENTS), '--dir', asked.dir);
  const { events } = eventList.parse(JSON.parse(stdout));
  const told = events.filter((event) => event.group === group || event.group === undefined);
  return told.map(({ atMs, message }) => `${new Date(atMs).toISOString()} ${message}`);
}

/** What daemons noted of the group. */
function logged(living: readonly ClusterNode[], group: string): readonly string[] {
  const linesOf = ({ name, dir }: ClusterNode): readonly string[] =>
    DAEMON_NAMES.flatMap((daemon) => readIfAlive(daemonLogPath(dir, daemon)).split('\n'))
      .filter((line) => line.includes(`"${group}"`))
      .map((line) => `${name} ${line}`);
  return living.flatMap(linesOf);
}

async function idle(living: readonly ClusterNode[], seconds: number): Promise<void> {
  const families = (): readonly (readonly number[])[] =>
    living.map(({ pid }) => (pid === undefined ? [] : familyOf(pid)));
  const before = usageOf(families().flat());
  await sleep(seconds * 1000);
  const cpu = (usageOf(families().flat()).cpuSeconds - before.cpuSeconds) / seconds;
  show('idle', `${living.length} nodes use ${(cpu * 100).toFixed(0)} % of a processor together (≤ 100)`);
  const sizes = families().map(mib);
  const largest = living[sizes.indexOf(Math.max(...sizes))];
  const parts = DAEMON_NAMES.map((daemon) => {
    const pid = largest?.pidOf(daemon);
    return `${daemon} ${mib(pid === undefined ? [] : [pid]).toFixed(0)}`;
  });
  const most = Math.max(...sizes).toFixed(0);
  show('idle', `the largest node takes ${most} MiB, what is shared in parts (≤ 160): ${parts.join(', ')}`);
}

/** As their power goes: all processes of a node at once, the programs of its groups too. */
async function lose(lab: ClusterLab, living: ClusterNode[], count: number, groups: number): Promise<void> {
  for (let losses = 1; losses <= count; losses += 1) {
    const startedMs = performance.now();
    const [lost] = living.splice((losses * 7) % living.length, 1);
    assert.ok(lost?.pid !== undefined);
    for (const pid of familyOf(lost.pid)) process.kill(pid, 'SIGKILL');
    await untilAllRun(lab, living, groups);
    show(
      'lose',
      `${lost.name}: ${groups} groups online on ${living.length} nodes after ${secondsSince(startedMs)} s`,
    );
  }
}
