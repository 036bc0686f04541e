/** `eterne simulate` and `eterne drill`: what would happen, and a switch-over for real. */
import { EterneError } from '@eterne/base';
import { drillResult, failureSimulation } from '@eterne/cluster/api/schema/orders.ts';
import type { Command } from 'commander';
import { openSession, withConnection } from './session.ts';

/** A drill waits for a whole switch-over. */
const DRILL_TIMEOUT_MS = 120_000;

interface Situation {
  readonly fail?: string;
  readonly return?: string;
  readonly partition?: string;
}

export function rehearsalVerbs(program: Command): void {
  withConnection(program.command('simulate'))
    .description('say what would happen, without doing it')
    .option('--fail <nodes>', 'as if these nodes stopped now: n1 or n1,n2')
    .option('--return <nodes>', 'as if these nodes came back now')
    .option('--partition <sides>', 'as if these sides no longer heard each other: n1,n2/n3')
    .action(async (situation: Situation, command: Command) => {
      const session = await openSession(command);
      const path = `/api/v1/simulation?${queryOf(situation)}`;
      const answer = await session.ask({ method: 'GET', path }, failureSimulation);
      session.print(answer, () => answer.sentences.join('\n'));
    });

  withConnection(program.command('drill <group>'))
    .description('switch a group over for real and report outage and lost writes')
    .action(async (group: string, _options, command: Command) => {
      const session = await openSession(command);
      const path = `/api/v1/groups/${encodeURIComponent(group)}/drill`;
      const answer = await session.ask({ method: 'POST', path, timeoutMs: DRILL_TIMEOUT_MS }, drillResult);
      session.print(answer, () => answer.sentence);
    });
}

function queryOf({ fail, return: back, partition }: Situation): string {
  const given = Object.entries({ fail, return: back, partition }).filter(([, value]) => value !== undefined);
  const [first, ...others] = given;
  if (first === undefined || others.length > 0)
    throw new EterneError('usage', 'give one of --fail, --return and --partition');
  return `${first[0]}=${encodeURIComponent(first[1] ?? '')}`;
}
