/** `crm_mon` once, as XML: elements and attributes as Pacemaker 2.1 writes them, in its order, since agents read them with `grep`. */
import type { Picture, PictureNode, PictureResource } from '../../../../node/picture.ts';
import { haveSameId, nodeId } from './node-id.ts';
import {
  EXIT_DISCONNECTED,
  failed,
  idOf,
  readOptions,
  refuse,
  said,
  type Answer,
  type Asker,
  type Question,
} from './question.ts';

const TOOL = 'crm_mon';
const OPTIONS = {
  'one-shot': { type: 'boolean', short: '1' },
  'as-xml': { type: 'boolean', short: 'X' },
  'output-as': { type: 'string' },
  inactive: { type: 'boolean', short: 'r' },
  'group-by-node': { type: 'boolean', short: 'n' },
} as const;

export function crmMon(args: readonly string[], asker: Asker): Question {
  const given = readOptions(TOOL, args, OPTIONS);
  const isNew = given['output-as'] === 'xml';
  if (!isNew && given['as-xml'] !== true)
    return refuse(TOOL, 'only --as-xml and --output-as=xml are written; for people there is `eterne status`');
  if (given['group-by-node'] === true) return refuse(TOOL, 'resources are not written by node');
  if (isNew && given['one-shot'] !== true) return refuse(TOOL, 'it is told once only (--one-shot)');
  return { needsQuorum: true, answer: (picture) => answer(picture, asker, isNew) };
}

function answer(picture: Picture, { instance }: Asker, isNew: boolean): Answer {
  const { nodes, resources } = picture;
  const ids = resources.map(idOf);
  if (new Set(ids).size < ids.length || haveSameId(nodes))
    return failed(
      EXIT_DISCONNECTED,
      `${TOOL}: two resources, or two nodes, cannot be told apart by their names here`,
    );
  // Else "it is promoted nowhere" would be read from what is only not known.
  if (resources.some((one) => idOf(one) === instance && one.state === 'unknown'))
    return failed(EXIT_DISCONNECTED, `${TOOL}: nobody knows at the moment how ${instance} is`);
  const body = [
    ...summary(picture),
    '  <nodes>',
    ...nodes.map((node) => nodeLine(node, picture)),
    '  </nodes>',
    '  <resources>',
    ...resources.flatMap((resource) => resourceLines(resource)),
    '  </resources>',
  ];
  return said(
    isNew
      ? [
          `<pacemaker-result api-version="2.25" request="${TOOL} -1 --output-as=xml">`,
          ...body,
          '  <status code="0" message="OK"/>',
          '</pacemaker-result>',
        ].join('\n')
      : ['<?xml version="1.0"?>', '<crm_mon version="2.1.5">', ...body, '</crm_mon>'].join('\n'),
  );
}

function summary({ nodes, resources, isQuorate, isMaintenance }: Picture): readonly string[] {
  const leader = nodes.find(({ isLeader }) => isLeader);
  const dc =
    leader === undefined
      ? 'present="false"'
      : `present="true" version="" name="${leader.name}" id="${nodeId(leader.name)}"`;
  const stopped = resources.filter(({ isWanted }) => !isWanted).length;
  return [
    '  <summary>',
    '    <stack type="eterne"/>',
    `    <current_dc ${dc} with_quorum="${isQuorate}" mixed_version="false"/>`,
    `    <nodes_configured number="${nodes.length}"/>`,
    `    <resources_configured number="${resources.length}" disabled="${stopped}" blocked="0"/>`,
    `    <cluster_options maintenance-mode="${isMaintenance}"/>`,
    '  </summary>',
  ];
}

function nodeLine(node: PictureNode, { resources }: Picture): string {
  const { name, isOnline, isStandby, isMaintenance, isUnclean, isLeader } = node;
  const running = resources.filter((one) => one.owner === name && isActive(one)).length;
  return (
    `    <node name="${name}" id="${nodeId(name)}" online="${isOnline}" standby="${isStandby}" standby_onfail="false" ` +
    `maintenance="${isMaintenance}" pending="false" unclean="${isUnclean}" shutdown="false" expected_up="true" ` +
    `is_dc="${isLeader}" resources_running="${running}" type="member"/>`
  );
}

function resourceLines(resource: PictureResource): readonly string[] {
  const { type, state, owner, isManaged, isWanted } = resource;
  const place = owner !== null && isActive(resource) ? owner : undefined;
  const line =
    `    <resource id="${idOf(resource)}" resource_agent="${type}" role="${roleOf(resource)}"${isWanted ? '' : ' target_role="Stopped"'} ` +
    `active="${place !== undefined}" orphaned="false" blocked="false" managed="${isManaged}" failed="${state === 'failed'}" ` +
    `failure_ignored="false" nodes_running_on="${place === undefined ? 0 : 1}"${pending(resource)}`;
  if (place === undefined) return [`${line}/>`];
  return [`${line}>`, `      <node name="${place}" id="${nodeId(place)}" cached="true"/>`, '    </resource>'];
}

export const isActive = ({ state }: PictureResource): boolean => state !== 'stopped' && state !== 'unknown';

/** By the names of the feature set that agents are told (`OCF_RESKEY_crm_feature_set`). Whoever is being started or stopped is not promoted. */
export function roleOf({ state, isPromoted }: PictureResource): string {
  switch (state) {
    case 'stopped':
      return 'Stopped';
    case 'unknown':
      return 'Unknown';
    case 'starting':
    case 'stopping':
      return isPromoted ? 'Slave' : 'Started';
    case 'running':
    case 'failed':
      return isPromoted ? 'Master' : 'Started';
  }
}

function pending({ state }: PictureResource): string {
  if (state === 'starting') return ' pending="Starting"';
  return state === 'stopping' ? ' pending="Stopping"' : '';
}
