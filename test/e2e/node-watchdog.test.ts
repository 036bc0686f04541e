/**
 * The watchdog resets a node that does not keep its word. In the place of the device is a socket whose other end, unless it is fed in time, kills the
 * PID namespace that the node runs in: what a reset is to a machine.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { DaemonName } from '@eterne/cluster/node/layout.ts';
import { ClusterNode, until } from './support/cluster-node.ts';

/** It is fed five times meanwhile: more than a busy machine keeps anybody waiting. */
const TIMEOUT_MS = 3000;
const missing = process.getuid?.() === 0 ? undefined : 'needs root for a PID namespace';
const root = mkdtempSync(join(tmpdir(), 'eterne-watchdog-'));
const socket = join(root, 'watchdog');
const node = new ClusterNode(root, 'n1', 91, 'node', ['unshare', '-pf', '--mount-proc', '--kill-child']);

const DOCUMENT = `cluster: { watchdog: { device: "unix:${socket}", timeout: ${TIMEOUT_MS}ms } }
groups:
  - name: g
    nodes: [n1]
    resources: [{ name: app, type: app, command: ["/bin/sleep", "12345"] }]
`;

/** The PID namespace of the node's present life. */
let namespace = '';

/** Everything in it, by pid. */
function inside(): ReadonlyMap<number, string> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const ours = pids.map(Number).filter((pid) => link(pid) === namespace);
  return new Map(ours.map((pid) => [pid, title(pid)]));
}

function link(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}

function title(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function reset(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // the namespace's first process has taken it along
  }
}

const pidsOf = (daemon: DaemonName): number[] =>
  [...inside()]
    .filter(([, text]) => text.startsWith(`eterne-${daemon}`) || text.includes(`/daemons/${daemon}.ts`))
    .map(([pid]) => pid);

/** When it has bitten; undefined: not yet. */
let bittenMs: number | undefined;
function bites(): void {
  bittenMs = performance.now();
  for (const pid of inside().keys()) reset(pid);
}

const connections = new Set<Socket>();
const server = createServer((stream) => {
  let hunger: NodeJS.Timeout | undefined;
  let bite: NodeJS.Immediate | undefined;
  let text = '';
  connections.add(stream);
  const sated = (): void => {
    clearTimeout(hunger);
    clearImmediate(bite);
  };
  const feed = (): void => {
    sated();
    // Where it was this process that was held up, there is food in the socket: it is looked at once more.
    hunger = setTimeout(() => (bite = setImmediate(bites)), TIMEOUT_MS);
  };
  stream.on('data', (chunk) => {
    text = (text + chunk.toString('latin1')).slice(-64);
    if (text.endsWith('V')) sated();
    else feed();
  });
  stream.on('error', () => {});
});

const path = join(root, 'document.yaml');
let isFounded = false;

async function begin(): Promise<void> {
  bittenMs = undefined;
  if (isFounded) await node.start();
  else await node.found();
  isFounded = true;
  const init = Number(readFileSync(`/proc/${node.pid}/task/${node.pid}/children`, 'utf8').trim());
  namespace = link(init) ?? assert.fail('the node runs in a namespace of its own');
  await node.apply(path);
  await until('it is armed and the group online', async () => {
    const status = await node.status();
    return status?.nodes[0]?.enforcement === 'watchdog' && status.groups[0]?.state === 'online';
  });
}

async function isReset(): Promise<void> {
  await until('the node is reset', () => bittenMs !== undefined && inside().size === 0);
  await node.ended();
}

if (missing === undefined) {
  writeFileSync(path, DOCUMENT);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
}

after(async () => {
  node.signal('SIGKILL');
  await until('nothing is left', () => inside().size === 0);
  for (const stream of connections) stream.destroy();
  server.close();
  rmSync(root, { recursive: true });
});

test('a stopped heart feeds it no more', { timeout: 600_000, skip: missing }, async () => {
  await begin();
  for (const pid of pidsOf('heart')) process.kill(pid, 'SIGSTOP');
  await isReset();
});

test(
  'rights that lapse while the monitor is stopped: what is still on record gets the node reset',
  { timeout: 600_000, skip: missing },
  async () => {
    await begin();
    for (const pid of [...pidsOf('service'), ...pidsOf('monitor')]) process.kill(pid, 'SIGSTOP');
    await isReset();
  },
);

test(
  'rights that lapse while everything can be taken away do not',
  { timeout: 600_000, skip: missing },
  async () => {
    await begin();
    for (const pid of pidsOf('service')) process.kill(pid, 'SIGSTOP');
    await until('the program is gone', () => ![...inside().values()].some((text) => text.includes('12345')));
    await new Promise((resolve) => setTimeout(resolve, 2 * TIMEOUT_MS));
    assert.equal(bittenMs, undefined);
  },
);
