/** A crashed application is repaired in place: how long its client is without it, with a quick check every 500 ms. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { keptWithin } from '../../packages/runtime/test/support/stalls.ts';
import { ClusterNode, until } from './support/cluster-node.ts';

/** Beside twice what the program's own start takes on this machine now. */
const REPAIRED_WITHIN_MS = 1500;
const ROUNDS = 3;

const root = await mkdtemp(join(tmpdir(), 'eterne-repair-'));
const node = new ClusterNode(root, 'n1', 91, 'node');
const port = await freePort();

const SERVER = `require('node:http').createServer((_, answer) => answer.end('well')).listen(${port}, '127.0.0.1')`;
const DOCUMENT = JSON.stringify({
  groups: [
    {
      name: 'g',
      nodes: ['n1'],
      resources: [
        {
          name: 'app',
          type: 'app',
          command: [process.execPath, '--eval', SERVER],
          env: { FOLDER: root },
          check: { quick: { http: `http://127.0.0.1:${port}/`, interval: '500ms', timeout: '400ms' } },
          restart: { attempts: 100, window: '10m' },
        },
      ],
    },
  ],
});

function server(): number | undefined {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`FOLDER=${root}\0`);
    } catch {
      return false;
    }
  });
}

const answers = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });

/** How long the same program takes here until it listens, when nobody has to notice anything. */
async function startMs(): Promise<number> {
  const startedMs = performance.now();
  const script = `require('node:http').createServer().listen(0, '127.0.0.1', () => console.log('listens'))`;
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const tookMs = performance.now() - startedMs;
  child.kill('SIGKILL');
  return tookMs;
}

before(async () => {
  await node.found();
  const path = join(root, 'document.yaml');
  writeFileSync(path, DOCUMENT);
  await node.apply(path);
  await until('the application answers', answers);
  await until('the group is online', async () => (await node.status())?.groups[0]?.state === 'online');
});

after(async () => {
  node.signal('SIGKILL');
  await until('nothing is left', () => node.processes().size === 0 && server() === undefined);
  await rm(root, { recursive: true });
});

test('a killed application answers again within 1.5 s, beside its own start', async (context) => {
  for (let round = 1; round <= ROUNDS; round += 1) {
    let outageMs = 0;
    await keptWithin(REPAIRED_WITHIN_MS, async () => {
      await until('it is online', async () => (await node.status())?.groups[0]?.state === 'online');
      await sleep(100);
      const pid = server() ?? assert.fail('nothing runs');
      process.kill(pid, 'SIGKILL');
      const killedMs = performance.now();
      // By its process: it may answer again before anybody has found it gone.
      await until('another one answers', async () => (server() ?? pid) !== pid && (await answers()));
      outageMs = performance.now() - killedMs;
      return outageMs - 2 * (await startMs());
    });
    context.diagnostic(`round ${round}: ${Math.round(outageMs)} ms`);
  }
  const status = await node.status();
  assert.equal(status?.groups[0]?.owner, 'n1');
});
