/** `crm_node`: who belongs to the cluster, whom this node hears, and whether it is in contact with a majority. */
import type { Picture } from '../../../../node/picture.ts';
import { haveSameId, nodeId } from './node-id.ts';
import {
  EXIT_DISCONNECTED,
  failed,
  readOptions,
  refuse,
  said,
  type Answer,
  type Question,
} from './question.ts';

const TOOL = 'crm_node';
const OPTIONS = {
  name: { type: 'boolean', short: 'n' },
  'cluster-id': { type: 'boolean', short: 'i' },
  list: { type: 'boolean', short: 'l' },
  partition: { type: 'boolean', short: 'p' },
  quorum: { type: 'boolean', short: 'q' },
} as const;

export function crmNode(args: readonly string[]): Question {
  const given = readOptions(TOOL, args, OPTIONS);
  // The last word counts, as with Pacemaker's own: agents write `-l -p`.
  const last = args.findLast((arg) => arg.startsWith('-')) ?? '';
  const wanted = Object.entries(OPTIONS).find(
    ([name, { short }]) => given[name] === true && (last === `--${name}` || last.endsWith(short)),
  );
  const ask = wanted?.[0];
  if (ask === undefined) return refuse(TOOL, 'say which of -n, -i, -l, -p, -q');
  return { needsQuorum: false, answer: (picture) => answer(ask, picture) };
}

function answer(ask: string, picture: Picture): Answer {
  const { node, nodes, isCurrent, isQuorate } = picture;
  if (ask === 'name') return said(node);
  if (ask === 'quorum') return said(isQuorate ? '1' : '0');
  if (!isCurrent)
    return failed(
      EXIT_DISCONNECTED,
      `${TOOL}: this node does not know yet what the cluster decided meanwhile`,
    );
  if (ask === 'partition')
    return said(nodes.flatMap(({ name, isOnline }) => (isOnline ? [name] : [])).join(' '));
  if (haveSameId(nodes))
    return failed(EXIT_DISCONNECTED, `${TOOL}: two nodes have names of the same number; rename one`);
  if (ask === 'cluster-id') return said(String(nodeId(node)));
  return said(
    nodes.map(({ name, isOnline }) => `${nodeId(name)} ${name} ${isOnline ? 'member' : 'lost'}`).join('\n'),
  );
}
