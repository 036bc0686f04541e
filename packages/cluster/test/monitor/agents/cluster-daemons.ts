/** What an agent's question meets on a node: the sockets of service and monitor, with what the test has them say. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Reply } from '@eterne/runtime';
import type { Hands } from '../../../src/monitor/agents/agent.ts';
import { standIn } from '../../../src/monitor/agents/ocf/action.ts';
import { socketAddress } from '../../../src/node/layout.ts';
import { listenLinks } from '../../../src/node/link.ts';
import type { Picture, PictureResource } from '../../../src/node/picture.ts';
import type { ResourceReport } from '../../../src/ports.ts';

const AGENTS = '/usr/lib/ocf/resource.d/heartbeat';

export const resource = (changes: Partial<PictureResource> = {}): PictureResource => ({
  group: 'g',
  name: 'db',
  type: 'ocf:heartbeat:redis',
  isPromoted: true,
  owner: 'n1',
  state: 'running',
  isManaged: true,
  isWanted: true,
  failures: {},
  ...changes,
});

const node = { isOnline: true, isStandby: false, isMaintenance: false, isUnclean: false, isLeader: false };

export const picture = (changes: Partial<Picture> = {}): Picture => ({
  node: 'n1',
  isCurrent: true,
  isQuorate: true,
  isMaintenance: false,
  nodes: [
    { ...node, name: 'n1', isLeader: true },
    { ...node, name: 'n2' },
  ],
  resources: [resource()],
  ...changes,
});

/** As if n2 were not heard. */
export const without2 = (isUnclean: boolean): Partial<Picture> => ({
  nodes: [
    { ...node, name: 'n1', isLeader: true },
    { ...node, name: 'n2', isOnline: false, isUnclean },
  ],
});

export function listen(
  context: Pick<TestContext, 'after'>,
  { world, dir }: Hands,
  daemon: 'service' | 'monitor',
  onCall: (reply: Reply) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const handler = {
      onCall: (_name: string, _body: unknown, reply: Reply) => onCall(reply),
      onNote: () => {},
      onClose: () => {},
    };
    const accept = (): typeof handler => handler;
    listenLinks(world, socketAddress(dir, daemon), accept, (listener) => {
      if (listener instanceof EterneError) return reject(listener);
      context.after(() => listener.close());
      resolve();
    });
  });
}

/** `told` may be changed while they listen. */
export async function daemonsThatSay(
  context: Pick<TestContext, 'after'>,
  hands: Hands,
  told: { picture: Picture; reports?: readonly ResourceReport[] },
): Promise<void> {
  await listen(context, hands, 'service', (reply) => reply({ ok: told.picture }));
  await listen(context, hands, 'monitor', (reply) => reply({ ok: told.reports ?? reportsOf(told.picture) }));
}

const reportsOf = ({ resources, node }: Picture): readonly ResourceReport[] =>
  resources
    .filter(({ owner }) => owner === node)
    .map(({ group, name, state }) => ({ group, resource: name, state, reason: '' }));

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run as an agent of resource `db` of group `g` runs it. */
export function asAgent(hands: Hands, script: string, env: Record<string, string> = {}): Promise<Said> {
  const own = {
    SHELL: '/bin/bash',
    LC_ALL: 'C',
    OCF_ROOT: '/usr/lib/ocf',
    OCF_RESOURCE_INSTANCE: 'g-db',
    OCF_RESOURCE_TYPE: 'any',
    OCF_RESKEY_crm_feature_set: '3.0.1',
    ...standIn(hands),
    ...env,
  };
  return new Promise((resolve) => {
    execFile('/bin/bash', ['--norc', '-c', script], { env: own }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

/** The same, with functions of the real agent, cut out of it unchanged. */
export async function withFunctions(
  hands: Hands,
  agent: string,
  names: readonly string[],
  script: string,
  env: Record<string, string> = {},
): Promise<Said> {
  const cut = names.map(
    (name) =>
      `eval "$(sed -n '/^${name} *()/,/^}/p' ${AGENTS}/${agent})"; type ${name} >/dev/null || exit 99`,
  );
  const lines = ['. /usr/lib/ocf/lib/heartbeat/ocf-shellfuncs', ...cut, script];
  const result = await asAgent(hands, lines.join('\n'), env);
  assert.notEqual(result.code, 99, `${agent} has no function ${names.join(', ')} any more: ${result.stderr}`);
  return result;
}
