/** `eterne config show|plan|apply`. */
import { configDocument, configPlan } from '@eterne/cluster/api/schema/orders.ts';
import type { ConfigPlan } from '@eterne/cluster/service/facade.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { readDocument } from './documents.ts';
import { openSession, withConnection } from './session.ts';

export function configVerbs(program: Command): void {
  const config = program.command('config').description('the whole configuration as one document');

  withConnection(config.command('show'))
    .description('print the document that makes the cluster as it is')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const document = await session.ask({ method: 'GET', path: '/api/v1/config' }, configDocument);
      session.print(document, () => stringify(document).trimEnd());
    });

  const verbs = [
    ['plan', 'say what applying a document would do'],
    ['apply', 'make the cluster as a document says'],
  ] as const;
  for (const [verb, description] of verbs)
    withConnection(config.command(verb))
      .description(description)
      .requiredOption('-f, --file <file>', 'YAML document')
      .action(async ({ file }: { file: string }, command: Command) => {
        const session = await openSession(command);
        const body = await readDocument(createNodeWorld('cli').files, file);
        const plan = await session.ask({ method: 'POST', path: `/api/v1/config/${verb}`, body }, configPlan);
        session.print(plan, () => planText(plan));
      });
}

function planText({ steps }: ConfigPlan): string {
  return steps.length === 0 ? 'nothing to change' : steps.map(({ sentence }) => sentence).join('\n');
}
