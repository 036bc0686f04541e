/** `eterne cluster init|maintenance|token|recover|join` and `eterne witness join`. */
import { resolve } from 'node:path';
import { EterneError, parseDurationMs } from '@eterne/base';
import { joinToken } from '@eterne/cluster/api/schema/access.ts';
import { configPlan } from '@eterne/cluster/api/schema/orders.ts';
import { normaliseAddress } from '@eterne/cluster/node/identity.ts';
import { administratorPath } from '@eterne/cluster/pki/files.ts';
import { foundCluster } from '@eterne/cluster/pki/found.ts';
import { joinCluster } from '@eterne/cluster/pki/join.ts';
import { instantOf } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { type Command, Option } from 'commander';
import type { RecoverOptions } from '../node/recover.ts';
import { DEFAULT_DIR } from './connection.ts';
import { migrateLogVerb } from './migrate-log-verb.ts';
import { openSession, withConnection } from './session.ts';

interface NodeOptions {
  readonly dir: string;
  readonly node: string;
  readonly address: readonly string[];
  /** Optional for a witness only. */
  readonly api?: string;
  readonly json?: boolean;
}

type JoinOptions = NodeOptions & { readonly token: string; readonly to: string };

const MINUTE_MS = 60_000;
const VALID_MINUTES_MAX = 7 * 24 * 60;

export function clusterVerbs(program: Command): void {
  const cluster = program.command('cluster').description('make a cluster and let nodes join it');

  withNodeOptions(cluster.command('init'))
    .description('make a cluster of this node')
    .requiredOption('--name <cluster>', 'what the cluster is called')
    .addOption(
      new Option(
        '--profile <profile>',
        'lan: one site, round trips of a few milliseconds, a lost node is noticed within 1 s; wan: sites apart, round trips up to 300 ms and short interruptions, 10 s',
      )
        .choices(['lan', 'wan'])
        .default('lan'),
    )
    .action(async (options: NodeOptions & { name: string; profile: 'lan' | 'wan' }) => {
      const world = createNodeWorld('cli');
      const administrator = await foundCluster(world, options.name, orderOf(options), options.profile);
      const { api, user, password, token } = administrator;
      print(options, { cluster: options.name, node: options.node, ...administrator }, [
        `cluster ${options.name} founded; bring it to life with: eterne node run --dir ${options.dir}`,
        `console:   ${api}`,
        `user:      ${user}`,
        `password:  ${password}`,
        `API token: ${token}`,
        `These are also in ${administratorPath(options.dir)}, readable by its owner only.`,
      ]);
    });

  withConnection(cluster.command('maintenance'))
    .description('leave every group as it is, whatever happens; --end: look after them again')
    .option('--end', 'end the maintenance')
    .action(async ({ end }: { end?: boolean }, command: Command) => {
      const session = await openSession(command);
      const path = `/api/v1/maintenance/${end === true ? 'end' : 'begin'}`;
      const sentence = end === true ? 'all groups are looked after again' : 'nothing is done about any group';
      await session.order({ method: 'POST', path }, sentence);
    });

  withConnection(cluster.command('token'))
    .description('make a one-time token with which one node may join')
    .option('--valid <duration>', 'how long it may be used, up to 7d', '1h')
    .action(async ({ valid }: { valid: string }, command: Command) => {
      const validMinutes = validMinutesOf(valid);
      const session = await openSession(command);
      const answer = await session.ask(
        { method: 'POST', path: '/api/v1/tokens', body: { validMinutes } },
        joinToken,
      );
      // The token alone on stdout, so that scripts can take it as it is.
      if (!session.json) process.stderr.write(`valid until ${instantOf(answer.expiresAtMs).toISOString()}\n`);
      session.print(answer, () => answer.token);
    });

  withConnection(cluster.command('upgrade'))
    .description(
      'from EterneMirrorHA to EterneMirrorCluster: a third to 32nd node may join; nothing running notices',
    )
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const body = { cluster: { edition: 'cluster' } };
      const plan = await session.ask({ method: 'POST', path: '/api/v1/config/apply', body }, configPlan);
      session.print(plan, () =>
        plan.steps.length === 0 ? 'it is the cluster edition already' : 'up to 32 nodes may join now',
      );
    });

  migrateLogVerb(cluster);
  recoverVerb(cluster);

  joinVerb(cluster.command('join'), 'node').description('let this machine join as a node');
}

function recoverVerb(cluster: Command): void {
  cluster
    .command('recover')
    .description(
      'the majority of the votes is lost for good: go on with the node in DIR, which is off, as a new cluster; the others have to join anew',
    )
    .option('--dir <dir>', 'folder of the node that goes on', DEFAULT_DIR)
    .requiredOption('--without <members>', 'all other members, separated by commas', splitList)
    .option('--accept-loss', 'what only they had decided or written may be lost')
    .option('--json', 'print JSON')
    .action(async (options: RecoverOptions & { json?: boolean }) => {
      const { recover, recoveryText } = await import('../node/recover.ts');
      const dir = resolve(options.dir);
      const recovery = await recover({ ...options, dir });
      print(options, recovery, recoveryText(recovery, dir));
    });
}

function validMinutesOf(text: string): number {
  const minutes = Math.max(1, Math.round(parseDurationMs(text) / MINUTE_MS));
  if (minutes <= VALID_MINUTES_MAX) return minutes;
  throw new EterneError('usage', `a token is valid for 7d at most, not ${text}`, {
    hint: 'make another one when it is needed',
  });
}

/** `join` of `eterne witness`. */
export function witnessJoinVerb(witness: Command): void {
  joinVerb(witness.command('join'), 'witness').description('let this machine join as a witness');
}

function joinVerb(command: Command, role: 'node' | 'witness'): Command {
  return withNodeOptions(command, role)
    .requiredOption('--token <token>', 'made by `eterne cluster token`')
    .requiredOption('--to <address>', 'API of any node of the cluster, host:port')
    .action(async (options: JoinOptions) => {
      const { token, to } = options;
      const identity = await joinCluster(createNodeWorld('cli'), { ...orderOf(options), role, token, to });
      const runs = role === 'node' ? 'node run' : 'witness run';
      print(options, { cluster: identity.clusterName, node: identity.node, role }, [
        `${identity.node} is a ${role} of ${identity.clusterName}; bring it to life with: eterne ${runs} --dir ${options.dir}`,
      ]);
    });
}

function withNodeOptions(command: Command, role: 'node' | 'witness' = 'node'): Command {
  const where = 'where its API and console listen, host:port';
  const withApi =
    role === 'node'
      ? command.requiredOption('--api <address>', where)
      : command.option('--api <address>', `${where}; default: its first address, two ports above (7702)`);
  return withApi
    .option('--dir <dir>', 'folder for this node’s state', DEFAULT_DIR)
    .requiredOption('--node <node>', 'what this node is called')
    .requiredOption(
      '--address <addresses>',
      'its addresses towards other nodes, separated by commas',
      splitList,
    )
    .option('--json', 'print JSON');
}

function orderOf({ dir, node, address, api }: NodeOptions) {
  return { dir, node, addresses: address, api: api ?? apiBeside(address[0] ?? '') };
}

/** A witness that is not told where to serve its API does so two ports above its first address: the one between is replication's. */
function apiBeside(address: string): string {
  const normal = normaliseAddress(address);
  const colon = normal.lastIndexOf(':');
  return `${normal.slice(0, colon)}:${Number(normal.slice(colon + 1)) + 2}`;
}

function splitList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new EterneError('usage', `a part is empty in ${JSON.stringify(text)}`);
  return parts;
}

function print(options: { readonly json?: boolean }, value: unknown, lines: readonly string[]): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(value) : lines.join('\n')}\n`);
}
