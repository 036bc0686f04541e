import { EterneError } from '@eterne/base';
import { Fields } from '../../node/fields.ts';
import type { Agent } from './agent.ts';
import { appAgent } from './app/agent.ts';
import { filesystemAgent } from './filesystem/agent.ts';
import { ipAgent } from './ip/agent.ts';
import { mirrorAgent } from './mirror/agent.ts';
import { ocfAgent } from './ocf/agent.ts';
import { parseOcfName } from './ocf/params.ts';
import { sharedDiskAgent } from './shared-disk/agent.ts';
import { parseUnit, systemdAgent } from './systemd/agent.ts';
import { vmAgent } from './vm/agent.ts';

/** An agent together with parameters that it has accepted: what may be run. */
export interface BoundAgent<Params = unknown> {
  readonly agent: Agent<Params>;
  readonly params: Params;
}

const bind = <Params>(agent: Agent<Params>, fields: Fields): BoundAgent<Params> => {
  const params = agent.parse(fields);
  fields.end();
  return { agent, params };
};

/** Throws `config` for a type nobody knows and for parameters its agent refuses. */
export function bindAgent(type: string, params: Readonly<Record<string, unknown>>): BoundAgent<never> {
  const fields = new Fields(`resource of type ${type}`, params);
  const ocf = parseOcfName(type);
  if (ocf) return bind(ocfAgent(ocf), fields) as BoundAgent<never>;
  const unit = parseUnit(type);
  if (unit !== undefined) return bind(systemdAgent(unit), fields) as BoundAgent<never>;
  switch (type) {
    case 'app':
      return bind(appAgent, fields) as BoundAgent<never>;
    case 'filesystem':
      return bind(filesystemAgent, fields) as BoundAgent<never>;
    case 'ip':
      return bind(ipAgent, fields) as BoundAgent<never>;
    case 'mirror':
      return bind(mirrorAgent, fields) as BoundAgent<never>;
    case 'shared-disk':
      return bind(sharedDiskAgent, fields) as BoundAgent<never>;
    case 'vm':
      return bind(vmAgent, fields) as BoundAgent<never>;
    default:
      throw new EterneError('config', `resource type ${JSON.stringify(type)} is unknown`, {
        hint: 'known types: app, filesystem, ip, mirror, shared-disk, vm, ocf:PROVIDER:NAME, systemd:UNIT',
      });
  }
}

/** May something of the type be on a node although no monitor has it on record? False for a type nobody knows. */
export function canBeFound(type: string, params: Readonly<Record<string, unknown>>): boolean {
  try {
    return bindAgent(type, params).agent.find !== undefined;
  } catch (error) {
    if (error instanceof EterneError) return false;
    throw error;
  }
}

/** For the configuration: throws `config` unless `bindAgent` would take them once every `${…}` is replaced. */
export function checkResourceParams(type: string, params: Readonly<Record<string, unknown>>): void {
  bindAgent(type, withoutReferences(params) as Readonly<Record<string, unknown>>);
}

/** A letter in the place of each `${…}`, which fits wherever a text may stand. */
function withoutReferences(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(/\$\{[^}]*\}/g, 'x');
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutReferences(inner)]));
}
