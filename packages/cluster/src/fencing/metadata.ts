/**
 * What a fence agent says about itself (ClusterLabs Fence Agent API, "metadata"). Read with two patterns rather than an XML parser, because
 * the documents of many agents are not well-formed.
 */
import { EterneError } from '@eterne/base';

export interface FenceAbilities {
  readonly actions: ReadonlySet<string>;
  /** It cuts a node off from a disk or a network; the node itself, and all its services, run on. */
  readonly isFabric: boolean;
}

const ACTION = /<action\s([^>]*)>/g;
const ATTRIBUTE = /([a-z_]+)="([^"]*)"/g;

export function parseFenceMetadata(agent: string, text: string): FenceAbilities | EterneError {
  const actions = [...text.matchAll(ACTION)].map(([, attributes = '']) => attributesOf(attributes));
  const names = new Set(actions.flatMap(({ name }) => name ?? []));
  if (!names.has('off') && !names.has('reboot'))
    return new EterneError('unsupported', `${agent} names no action that would stop a node`);
  // Agents that only cut off have to be told to let a node in again when it starts: `on` is marked as automatic.
  const isFabric = actions.some(({ name, automatic }) => name === 'on' && automatic === '1');
  return { actions: names, isFabric };
}

function attributesOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(ATTRIBUTE)].map(([, name = '', value = '']) => [name, value]));
}
