/** `eterne group template …`: groups for well-known applications. */
import { EterneError } from '@eterne/base';
import { configDocument, configPlan } from '@eterne/cluster/api/schema/orders.ts';
import { templateList, templateQuestions } from '@eterne/cluster/api/schema/templates.ts';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { openSession, withConnection } from './session.ts';
import { table } from './table.ts';

const pathOf = (name: string) => `/api/v1/templates/${encodeURIComponent(name)}`;

export function templateVerbs(group: Command): void {
  const template = group.command('template').description('groups for well-known applications');

  withConnection(template.command('list'))
    .description('list the templates')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const answer = await session.ask({ method: 'GET', path: '/api/v1/templates' }, templateList);
      const rows = answer.templates.map(({ name, title }) => [name, title.en]);
      session.print(answer, () => table(['NAME', 'APPLICATION'], rows));
    });

  withConnection(template.command('show <name>'))
    .description('say what a template needs and asks')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      const answer = await session.ask({ method: 'GET', path: pathOf(name) }, templateQuestions);
      const rows = answer.questions.map(({ key, help, choices, default: otherwise }) => [
        key,
        otherwise ?? '(needed)',
        choices === undefined ? help.en : `${help.en} (${choices.join(', ')})`,
      ]);
      session.print(answer, () =>
        [answer.title.en, answer.about.en, '', table(['KEY', 'DEFAULT', 'MEANING'], rows)].join('\n'),
      );
    });

  withConnection(template.command('apply <name>'))
    .description(
      'print the configuration document that the answers make, for `config apply`; --now: apply it',
    )
    .option('--set <key=value>', 'an answer; may be given often', collect)
    .option('--now', 'apply it at once')
    .action(async (name: string, options: { set?: Answers; now?: boolean }, command: Command) => {
      const session = await openSession(command);
      const path = `${pathOf(name)}/fill`;
      const document = await session.ask({ method: 'POST', path, body: options.set ?? {} }, configDocument);
      if (options.now !== true) return session.print(document, () => stringify(document).trimEnd());
      const order = { method: 'POST', path: '/api/v1/config/apply', body: document } as const;
      const plan = await session.ask(order, configPlan);
      session.print(plan, () => plan.steps.map(({ sentence }) => sentence).join('\n'));
    });
}

type Answers = Readonly<Record<string, string>>;

function collect(text: string, before: Answers = {}): Answers {
  const at = text.indexOf('=');
  if (at < 1)
    throw new EterneError('usage', `not KEY=VALUE: ${JSON.stringify(text)}`, {
      hint: '`eterne group template show NAME` names the keys',
    });
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
