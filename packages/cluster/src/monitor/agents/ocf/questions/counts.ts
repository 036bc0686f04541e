/** `crm_failcount` and `crm_standby`, asked and not told. */
import type { Picture } from '../../../../node/picture.ts';
import {
  EXIT_NO_SUCH,
  failed,
  idOf,
  isSameNode,
  readOptions,
  refuse,
  said,
  type Asker,
  type Question,
} from './question.ts';

const COMMON = {
  query: { type: 'boolean', short: 'G' },
  'get-value': { type: 'boolean' },
  quiet: { type: 'boolean', short: 'q' },
  node: { type: 'string', short: 'N' },
} as const;

export function crmFailcount(args: readonly string[], asker: Asker): Question {
  const given = readOptions('crm_failcount', args, { ...COMMON, resource: { type: 'string', short: 'r' } });
  const id = (given['resource'] as string | undefined) ?? asker.instance;
  return question('crm_failcount', given, asker, ({ resources }, node) => {
    const found = resources.find((one) => idOf(one) === id);
    if (found === undefined) return undefined;
    const value = Object.entries(found.failures).find(([name]) => isSameNode(name, node))?.[1] ?? 0;
    return { scope: 'status', name: `fail-count-${id}`, value: String(value) };
  });
}

export function crmStandby(args: readonly string[], asker: Asker): Question {
  const given = readOptions('crm_standby', args, COMMON);
  return question('crm_standby', given, asker, ({ nodes }, node) => {
    const found = nodes.find(({ name }) => isSameNode(name, node));
    return found && { scope: 'nodes', name: 'standby', value: found.isStandby ? 'on' : 'off' };
  });
}

interface Attribute {
  readonly scope: string;
  readonly name: string;
  readonly value: string;
}

function question(
  tool: string,
  given: ReturnType<typeof readOptions>,
  asker: Asker,
  read: (picture: Picture, node: string) => Attribute | undefined,
): Question {
  if (given['query'] !== true && given['get-value'] !== true)
    return refuse(tool, 'it is asked with --query; orders are given with `eterne`');
  const node = (given['node'] as string | undefined) ?? asker.node;
  return {
    needsQuorum: true,
    answer: (picture) => {
      const found = read(picture, node);
      if (found === undefined) return failed(EXIT_NO_SUCH, `${tool}: there is no such node or resource`);
      const { scope, name, value } = found;
      return said(given['quiet'] === true ? value : `scope=${scope}  name=${name} value=${value}`);
    },
  };
}
