/** Real agents that ask Pacemaker about the cluster while they act, run by a real monitor: redis, and pgsql with its own replication. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EterneError } from '@eterne/base';
import { Monitor, type MonitorHands } from '../../../src/monitor/monitor.ts';
import { serveMonitor } from '../../../src/monitor/server.ts';
import { socketAddress } from '../../../src/node/layout.ts';
import type { ActionResult, ResourceSpec } from '../../../src/ports.ts';
import { FakeHeart, makeHands } from '../hands.ts';
import { hasAgent, isRoot, newPostgres, noPostgres } from './heartbeat-agents.ts';
import { asAgent, listen, picture, resource, withFunctions } from './cluster-daemons.ts';

const ACTION_TIMEOUT_MS = 120_000;

/** A node of which this is all that is told by its service: it owns group `g` with this one resource. */
async function owner(
  context: TestContext,
  hands: MonitorHands,
  spec: ResourceSpec,
): Promise<{
  readonly questions: () => number;
  start(): Promise<ActionResult>;
  stop(): Promise<ActionResult>;
}> {
  let questions = 0;
  await listen(context, hands, 'service', (reply) => {
    questions += 1;
    reply({ ok: picture({ resources: [resource({ type: spec.type, state: 'stopped' })] }) });
  });
  const heart = new FakeHeart();
  const monitor = new Monitor(hands, heart);
  await new Promise<void>((resolve, reject) => monitor.open((error) => (error ? reject(error) : resolve())));
  context.after(() => monitor.close());
  await new Promise<void>((resolve, reject) =>
    serveMonitor(hands.world, socketAddress(hands.dir, 'monitor'), monitor, (listener) => {
      if (listener instanceof EterneError) return reject(listener);
      context.after(() => listener.close());
      resolve();
    }),
  );
  heart.lease('g', 1, Number.POSITIVE_INFINITY);
  context.after(() => new Promise<void>((resolve) => monitor.kill('g', () => resolve())));
  return {
    questions: () => questions,
    start: () => new Promise((resolve) => monitor.start(spec, 1, ACTION_TIMEOUT_MS, resolve)),
    stop: () => new Promise((resolve) => monitor.stop(spec, ACTION_TIMEOUT_MS, resolve)),
  };
}

const specOf = (agent: string, params: Record<string, unknown>): ResourceSpec => ({
  group: 'g',
  name: 'db',
  type: `ocf:heartbeat:${agent}`,
  params: { role: 'promoted', params, check: { quick: { interval: '1s', timeout: '60s' } } },
});

const role = async (hands: MonitorHands): Promise<string | undefined> =>
  / role="(\w+)"/.exec((await asAgent(hands, 'crm_mon -1 --as-xml')).stdout)?.[1];

const noRedis =
  !(isRoot && existsSync('/usr/bin/redis-server') && hasAgent('redis')) &&
  'needs root, redis-server and resource-agents';

test('ocf:heartbeat:redis is promoted, and sees that it is', { skip: noRedis }, async (context) => {
  const hands = await makeHands(context);
  chmodSync(hands.dir, 0o755);
  const rundir = join(hands.dir, 'redis');
  mkdirSync(rundir);
  const config = join(hands.dir, 'redis.conf');
  writeFileSync(config, `port 0\nsave ""\ndir ${rundir}\n`);
  const socket = join(rundir, 'redis.sock');
  const params = {
    bin: '/usr/bin/redis-server',
    client_bin: '/usr/bin/redis-cli',
    config,
    rundir,
    pidfile_name: 'redis.pid',
    socket_name: 'redis.sock',
    wait_last_known_master: true,
  };
  const node = await owner(context, hands, specOf('redis', params));
  // As after a move: whoever was promoted last is another node, so the agent asks whether it still is.
  const known = await asAgent(
    hands,
    '$HA_SBIN_DIR/crm_attribute -t crm_config -n g-db_REPL_INFO -s redis_replication -v n2 -q',
  );
  assert.equal(known.code, 0, known.stderr);
  const started = await node.start();
  assert.equal(started.ok, true, started.reason);
  assert.ok(node.questions() > 0, 'the agent has asked');
  const said = spawnSync('redis-cli', ['-s', socket, 'role'], { encoding: 'utf8' }).stdout;
  assert.match(said, /^master/);
  assert.equal(await role(hands), 'Master');
  assert.equal((await withFunctions(hands, 'redis', ['master_is_active'], 'master_is_active')).code, 0);
  const stopped = await node.stop();
  assert.equal(stopped.ok, true, stopped.reason);
  assert.equal(await role(hands), 'Stopped');
});

test('ocf:heartbeat:pgsql with replication of its own is promoted', { skip: noPostgres }, async (context) => {
  const hands = await makeHands(context);
  const { home, params, query } = await newPostgres(hands.dir);
  const replicated = {
    ...params,
    config: join(home, 'data', 'postgresql.conf'),
    rep_mode: 'async',
    node_list: 'n1',
    master_ip: '127.0.0.9',
    tmpdir: join(home, 'tmp'),
  };
  const node = await owner(context, hands, specOf('pgsql', replicated));
  const started = await node.start();
  assert.equal(started.ok, true, started.reason);
  assert.ok(node.questions() > 0, 'the agent has asked');
  assert.equal(query('select pg_is_in_recovery()'), 'f');
  const status = await asAgent(hands, '$HA_SBIN_DIR/crm_attribute -l reboot -N n1 -n g-db-status -G -q');
  assert.equal(status.stdout.trim(), 'PRI', 'kept because the agent was told that this node is online');
  assert.equal(await role(hands), 'Master');
  const stopped = await node.stop();
  assert.equal(stopped.ok, true, stopped.reason);
  const again = await node.start();
  assert.equal(again.ok, true, again.reason);
});
