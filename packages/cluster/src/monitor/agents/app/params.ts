/**
 * `app`: any program of the user's own (F23).
 *
 *   command: [program, argument …]         run as `user` with `groups`, in `directory`, with `env`, within `limits`
 *   agent: [program, argument …]           in the place of `command`: run to its end with `start`, `stop` or `check` as last argument
 *   check: { quick: CHECK, deep: CHECK }   CHECK: { command: […] | http: URL | tcp: HOST:PORT, interval, timeout }
 *
 * Without a check the program is well as long as it runs, and what an agent looks after when the agent's `check` exits 0.
 * Check commands and agents run as the same identity as the program.
 */
import { EterneError } from '@eterne/base';
import type { RunAs } from '../../../node/identity-prefix.ts';
import type { Fields } from '../../../node/fields.ts';

const INTERVAL_MS_DEFAULT = 2000;
const TIMEOUT_MS_DEFAULT = 1000;
const INTERVAL_MS_MIN = 100;
/** setrlimit(2), by the names of prlimit(1). */
const LIMITS = ['as', 'core', 'cpu', 'data', 'fsize', 'memlock', 'nofile', 'nproc', 'rss', 'stack'];
const LIMIT = /^(\d{1,15}|unlimited)(:(\d{1,15}|unlimited))?$/;

export type AppProbe =
  | { readonly kind: 'command'; readonly command: readonly [string, ...string[]] }
  | { readonly kind: 'http'; readonly address: string; readonly host: string; readonly path: string }
  | { readonly kind: 'tcp'; readonly address: string };

export interface AppCheck {
  readonly probe: AppProbe;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface AppParams {
  readonly run: {
    readonly kind: 'command' | 'agent';
    readonly command: readonly [string, ...string[]];
  };
  readonly as: RunAs;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly quick: AppCheck | undefined;
  readonly deep: AppCheck | undefined;
}

export function parseAppParams(fields: Fields): AppParams {
  const check = fields.optional('check', (name) => fields.object(name), undefined);
  const readCheck = (name: string): AppCheck | undefined =>
    check?.optional(name, () => parseCheck(check.object(name)), undefined);
  const params: AppParams = {
    run: parseRun(fields),
    as: parseIdentity(fields),
    directory: fields.optional('directory', (name) => fields.text(name), '/'),
    env: fields.optional('env', (name) => fields.textMap(name), {}),
    quick: readCheck('quick'),
    deep: readCheck('deep'),
  };
  check?.end();
  return params;
}

function parseRun(fields: Fields): AppParams['run'] {
  const agent = fields.optional('agent', (name) => commandOf(fields, name), undefined);
  const command = fields.optional('command', (name) => commandOf(fields, name), undefined);
  if (agent !== undefined && command === undefined) return { kind: 'agent', command: agent };
  if (command !== undefined && agent === undefined) return { kind: 'command', command };
  throw new EterneError('config', 'an app has either a command or an agent');
}

function parseIdentity(fields: Fields): RunAs {
  const user = fields.optional('user', (name) => fields.text(name), undefined);
  const groups = fields.optional('groups', (name) => fields.texts(name), undefined);
  const limits = fields.optional('limits', (name) => fields.scalarMap(name), undefined);
  for (const [name, limit] of Object.entries(limits ?? {}))
    if (!LIMITS.includes(name) || !LIMIT.test(limit))
      throw new EterneError('config', `not a limit: ${name}: ${limit}`, {
        hint: `one of ${LIMITS.join(', ')}; a number, soft:hard, or unlimited`,
      });
  return {
    ...(user === undefined ? {} : { user }),
    ...(groups === undefined ? {} : { groups }),
    ...(limits === undefined ? {} : { limits }),
  };
}

function parseCheck(fields: Fields): AppCheck {
  const check: AppCheck = {
    probe: parseProbe(fields),
    intervalMs: fields.optional('interval', (name) => fields.durationMs(name), INTERVAL_MS_DEFAULT),
    timeoutMs: fields.optional('timeout', (name) => fields.durationMs(name), TIMEOUT_MS_DEFAULT),
  };
  fields.end();
  if (check.intervalMs < INTERVAL_MS_MIN)
    throw new EterneError('config', `a check's interval is at least ${INTERVAL_MS_MIN}ms`);
  return check;
}

function parseProbe(fields: Fields): AppProbe {
  const command = fields.optional('command', (name) => commandOf(fields, name), undefined);
  const http = fields.optional('http', (name) => fields.text(name), undefined);
  const tcp = fields.optional('tcp', (name) => fields.text(name), undefined);
  if ([command, http, tcp].filter((given) => given !== undefined).length !== 1)
    throw new EterneError('config', 'a check has exactly one of command, http and tcp');
  if (command !== undefined) return { kind: 'command', command };
  if (tcp !== undefined) return { kind: 'tcp', address: tcp };
  return parseHttp(http ?? '');
}

function parseHttp(text: string): AppProbe {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:')
    throw new EterneError('config', `not an http:// URL: ${JSON.stringify(text)}`, {
      hint: 'check https with a command, for example ["curl", "-fs", "https://…"]',
    });
  const port = url.port === '' ? '80' : url.port;
  return {
    kind: 'http',
    address: `${url.hostname}:${port}`,
    host: url.host,
    path: url.pathname + url.search,
  };
}

function commandOf(fields: Fields, name: string): readonly [string, ...string[]] {
  const [program, ...args] = fields.texts(name);
  if (program === undefined || program === '') throw new EterneError('config', `${name} is empty`);
  return [program, ...args];
}
