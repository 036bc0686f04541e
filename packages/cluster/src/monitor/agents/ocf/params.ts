/**
 * `ocf:PROVIDER:NAME`: any OCF resource agent on the node (Open Cluster Framework Resource Agent API 1.1).
 *
 *   params: { NAME: value, … }              the agent's own, as `crm_resource --show-metadata` or its manual page names them
 *   role: started | promoted                promoted: for promotable agents, promoted on the node that runs the group
 *   check: { quick: CHECK, deep: CHECK }    CHECK: { interval, timeout, level }; level goes to the agent as OCF_CHECK_LEVEL
 */
import { EterneError } from '@eterne/base';
import type { Fields } from '../../../node/fields.ts';

const NAME = /^ocf:([A-Za-z0-9_.-]{1,64}):([A-Za-z0-9_.-]{1,64})$/;
const INTERVAL_MS_DEFAULT = 10_000;
const TIMEOUT_MS_DEFAULT = 20_000;
const INTERVAL_MS_MIN = 100;
const DEEP_LEVEL_DEFAULT = 10;

export interface OcfName {
  readonly provider: string;
  readonly name: string;
}

export interface OcfCheck {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly level: number;
}

export interface OcfParams {
  readonly params: Readonly<Record<string, string>>;
  readonly role: 'started' | 'promoted';
  readonly quick: OcfCheck;
  readonly deep: OcfCheck | undefined;
}

/** Undefined for what is not of this kind. Throws `config` for a name that is none. */
export function parseOcfName(type: string): OcfName | undefined {
  if (!type.startsWith('ocf:')) return undefined;
  const [, provider, name] = NAME.exec(type) ?? [];
  if (provider === undefined || name === undefined || provider.startsWith('.') || name.startsWith('.'))
    throw new EterneError('config', `not an OCF agent: ${JSON.stringify(type)}`, {
      hint: 'write for example ocf:heartbeat:pgsql',
    });
  return { provider, name };
}

export function parseOcfParams(fields: Fields): OcfParams {
  const check = fields.optional('check', (name) => fields.object(name), undefined);
  const read = (name: string, level: number): OcfCheck | undefined =>
    check?.optional(name, () => parseCheck(check.object(name), level), undefined);
  const params: OcfParams = {
    params: fields.optional('params', (name) => fields.scalarMap(name), {}),
    role: fields.optional('role', (name) => fields.oneOf(name, ['started', 'promoted']), 'started'),
    quick: read('quick', 0) ?? { intervalMs: INTERVAL_MS_DEFAULT, timeoutMs: TIMEOUT_MS_DEFAULT, level: 0 },
    deep: read('deep', DEEP_LEVEL_DEFAULT),
  };
  check?.end();
  const odd = Object.keys(params.params).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (odd !== undefined)
    throw new EterneError('config', `an OCF agent has no parameter called ${JSON.stringify(odd)}`);
  return params;
}

function parseCheck(fields: Fields, levelDefault: number): OcfCheck {
  const check: OcfCheck = {
    intervalMs: fields.optional('interval', (name) => fields.durationMs(name), INTERVAL_MS_DEFAULT),
    timeoutMs: fields.optional('timeout', (name) => fields.durationMs(name), TIMEOUT_MS_DEFAULT),
    level: fields.optional('level', (name) => fields.integer(name), levelDefault),
  };
  fields.end();
  if (check.intervalMs < INTERVAL_MS_MIN)
    throw new EterneError('config', `a check's interval is at least ${INTERVAL_MS_MIN}ms`);
  return check;
}
