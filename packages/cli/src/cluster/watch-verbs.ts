/** `eterne status` and `eterne events`. */
import { EterneError } from '@eterne/base';
import { clusterEvent, clusterStatus, eventList } from '@eterne/cluster/api/schema/status.ts';
import type { Command } from 'commander';
import { type Session, openSession, withConnection } from './session.ts';
import { eventText, statusText } from './status-text.ts';

export function watchVerbs(program: Command): void {
  withConnection(program.command('status'))
    .description('show nodes, volumes, groups and what weakens the cluster')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const status = await session.ask({ method: 'GET', path: '/api/v1/status' }, clusterStatus);
      session.print(status, () => statusText(status));
    });

  withConnection(program.command('events'))
    .description('show the timeline')
    .option('--after <id>', 'only events with a higher id', parseCount, 0)
    .option('--limit <count>', 'the newest so many', parseCount, 50)
    .option('--follow', 'go on until interrupted')
    .action(async (options: { after: number; limit: number; follow?: boolean }, command: Command) => {
      const session = await openSession(command);
      const path = `/api/v1/events?after=${options.after}&limit=${options.limit}`;
      const answer = await session.ask({ method: 'GET', path }, eventList);
      if (options.follow !== true) {
        session.print(answer, () => answer.events.map(eventText).join('\n'));
        return;
      }
      for (const event of answer.events) session.print(event, () => eventText(event));
      await follow(session, answer.events.at(-1)?.id ?? options.after);
    });
}

async function follow(session: Session, after: number): Promise<void> {
  let text = '';
  for await (const chunk of await session.stream(`/api/v1/stream?after=${after}`)) {
    const messages = (text + chunk).split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const data = /^event: event\ndata: (.*)$/m.exec(message)?.[1];
      if (data === undefined) continue;
      const event = clusterEvent.parse(JSON.parse(data));
      session.print(event, () => eventText(event));
    }
  }
  throw new EterneError('unreachable', 'the node closed the stream');
}

function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new EterneError('usage', `not a count: ${JSON.stringify(text)}`);
  return Number(text);
}
