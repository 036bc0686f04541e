/**
 * Two nodes and a witness get another program, one by one, while a group runs: real processes, real Raft. What is new waits for the last of them; then there is no
 * way back, and nobody older is admitted.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { FIRST_LEVEL, LEVELS } from '@eterne/cluster/state/levels.ts';
import { ClusterNode } from './support/cluster-node.ts';
import { eterne } from './support/disk-node.ts';

const OLDER = fileURLToPath(new URL('support/older-program.ts', import.meta.url));

/** Whatever is started meanwhile is of the first feature level. */
async function asOlder<T>(act: () => Promise<T>): Promise<T> {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `--disable-warning=ExperimentalWarning --import ${OLDER}`;
  try {
    return await act();
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
}

const root = mkdtempSync(join(tmpdir(), 'eterne-upgrade-'));
process.env['NODE_COMPILE_CACHE'] ??= join(root, 'code');
const n1 = new ClusterNode(root, 'n1', 91, 'node');
const n2 = new ClusterNode(root, 'n2', 92, 'node');
const w = new ClusterNode(root, 'w', 93, 'witness');
after(async () => {
  for (const node of [n1, n2, w]) {
    node.signal('SIGTERM');
    await node.ended();
  }
  rmSync(root, { recursive: true, force: true });
});

/** Every look is a process. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const startedMs = performance.now(); !(await isSo()); await sleep(300))
    assert.ok(performance.now() - startedMs < 180_000, what);
}

function written(name: string, document: string): string {
  const path = join(root, name);
  writeFileSync(path, document);
  return path;
}

async function exchanged(node: ClusterNode): Promise<void> {
  node.signal('SIGTERM');
  await node.ended();
  await node.start();
}

/** What status tells in the end: level in use, highest of any program, whose are older. */
async function tells(asked: ClusterNode, level: number, highest: number, waitsFor: string): Promise<void> {
  await until(`${asked.name} tells ${level} of ${highest}, waiting for ${waitsFor || 'nobody'}`, async () => {
    const features = (await asked.status())?.features;
    const told = [features?.level, features?.highest, features?.waitsFor.join(' ')];
    return isDeepStrictEqual(told, [level, highest, waitsFor]);
  });
}

const isOnline = async (asked: ClusterNode, node: string): Promise<boolean> => {
  const [group] = (await asked.status())?.groups ?? [];
  return group?.state === 'online' && group.owner === node;
};

test('a rolling upgrade', { timeout: 600_000 }, async () => {
  await asOlder(async () => {
    await n1.found();
    await n2.join(n1);
    await w.join(n1);
  });
  const app = `{ name: run, type: app, command: [/bin/sleep, "100000"] }`;
  await n1.apply(written('group.yaml', `groups: [{ name: g, nodes: [n1, n2], resources: [${app}] }]`));
  await until('the group runs', () => isOnline(n1, 'n1'));
  await tells(n1, FIRST_LEVEL, FIRST_LEVEL, '');

  await exchanged(n2);
  await tells(n2, FIRST_LEVEL, LEVELS.program, 'n1 w');
  const frozen = written('frozen.yaml', 'cluster: { onShutdown: freeze }');
  const apply = ['config', 'apply', '-f', frozen, '--dir'];
  const early = await eterne(...apply, n2.dir);
  assert.equal(early.code, 1);
  assert.match(
    early.stderr,
    /available once every node runs a program of feature level 2; n1, w run an older one/,
  );

  await exchanged(n1);
  await until('a new node has taken over from an old one', () => isOnline(n1, 'n2'));
  await tells(n2, FIRST_LEVEL, LEVELS.program, 'w');
  await exchanged(w);
  await tells(n1, LEVELS.program, LEVELS.program, '');
  await until('what is new is taken', async () => (await eterne(...apply, n1.dir)).code === 0);

  n1.signal('SIGTERM');
  await n1.ended();
  const older = await asOlder(() => eterne('node', 'run', '--dir', n1.dir));
  assert.equal(older.code, 1);
  assert.match(
    older.stderr,
    new RegExp(`too old for its cluster: .*level ${LEVELS.program}, this knows 1 \\(upgrade it and start`),
  );
  await n1.start();
  await until('n1 is back', async () => {
    const status = await n2.status();
    return status?.quorate === true && status.nodes.every(({ state }) => state === 'online');
  });
  await until('the group runs where it ran', () => isOnline(n2, 'n2'));

  const { stdout } = await eterne('cluster', 'token', '--json', '--dir', n1.dir);
  const { token } = JSON.parse(stdout) as { token: string };
  const api = (await n1.status())?.nodes.find(({ name }) => name === 'n1')?.api ?? '';
  const place = [
    '--dir',
    join(root, 'n4'),
    '--node',
    'n4',
    '--address',
    '127.0.0.94',
    '--api',
    '127.0.0.94:8443',
  ];
  const refused = await asOlder(() => eterne('cluster', 'join', ...place, '--token', token, '--to', api));
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    new RegExp(`uses feature level ${LEVELS.program}, and the program of n4 knows 1`),
  );
  assert.ok(!existsSync(join(root, 'n4', 'node.json')));
});
