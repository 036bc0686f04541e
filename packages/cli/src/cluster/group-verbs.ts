/** `eterne group …`. */
import { EterneError } from '@eterne/base';
import { groupExplanation } from '@eterne/cluster/api/schema/orders.ts';
import { clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Command } from 'commander';
import { readDocument } from './documents.ts';
import { openSession, withConnection } from './session.ts';
import { groupsText } from './status-text.ts';
import { table } from './table.ts';
import { templateVerbs } from './template-verbs.ts';

const pathOf = (name: string) => `/api/v1/groups/${encodeURIComponent(name)}`;

export function groupVerbs(program: Command): void {
  const group = program.command('group').description('groups of resources that move together');

  withConnection(group.command('list'))
    .description('list the groups')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const { groups } = await session.ask({ method: 'GET', path: '/api/v1/status' }, clusterStatus);
      session.print(groups, () => groupsText(groups));
    });

  withConnection(group.command('create'))
    .description('create a group')
    .requiredOption('-f, --file <file>', 'YAML: one entry of the configuration’s groups')
    .action(async ({ file }: { file: string }, command: Command) => {
      const session = await openSession(command);
      const body = await readDocument(createNodeWorld('cli').files, file);
      if ('groups' in body)
        throw new EterneError('config', `${file} is a whole document, not one group`, {
          hint: `eterne config apply -f ${file}`,
        });
      await session.order({ method: 'POST', path: '/api/v1/groups', body }, 'group created');
    });

  const orders = [
    ['start', 'run it on the best node', 'starts'],
    ['stop', 'stop it and keep it stopped', 'stops'],
  ] as const;
  for (const [verb, description, outcome] of orders)
    withConnection(group.command(`${verb} <group>`))
      .description(description)
      .action(async (name: string, _options, command: Command) => {
        const session = await openSession(command);
        await session.order({ method: 'POST', path: `${pathOf(name)}/${verb}` }, `${name} ${outcome}`);
      });

  withConnection(group.command('maintenance <group>'))
    .description('leave it as it is, whatever happens; --end: look after it again')
    .option('--end', 'end the maintenance')
    .action(async (name: string, { end }: { end?: boolean }, command: Command) => {
      const session = await openSession(command);
      const path = `${pathOf(name)}/maintenance/${end === true ? 'end' : 'begin'}`;
      const sentence = end === true ? `${name} is looked after again` : `nothing is done about ${name}`;
      await session.order({ method: 'POST', path }, sentence);
    });

  withConnection(group.command('move <group>'))
    .description('move it to another node')
    .option('--to <node>', 'where to; default: the best other node')
    .action(async (name: string, { to }: { to?: string }, command: Command) => {
      const session = await openSession(command);
      const body = to === undefined ? {} : { to };
      await session.order({ method: 'POST', path: `${pathOf(name)}/move`, body }, `${name} moves`);
    });

  withConnection(group.command('explain <group>'))
    .description('say why it is where it is, and where else it could be')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      const answer = await session.ask({ method: 'GET', path: `${pathOf(name)}/explain` }, groupExplanation);
      const rows = answer.candidates.map(({ node, eligible, reason }) => [
        node,
        eligible ? 'yes' : 'no',
        reason,
      ]);
      session.print(answer, () =>
        [...answer.sentences, '', table(['NODE', 'MAY RUN IT', 'WHY'], rows)].join('\n'),
      );
    });

  templateVerbs(group);

  withConnection(group.command('delete <group>'))
    .description('delete a stopped group')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      await session.order({ method: 'DELETE', path: pathOf(name) }, `group ${name} deleted`);
    });
}
