/** `eterne volume rescue …`: what copies and split-brain decisions have overwritten, on any node. */
import { EterneError } from '@eterne/base';
import { rescuePoints } from '@eterne/cluster/api/schema/volumes.ts';
import type { Command } from 'commander';
import { idOf, pointsText } from '../disk/rescue.ts';
import { openSession, withConnection } from './session.ts';
import { confirmed, dangerous } from './volume-orders.ts';
import { orderPath, replicaPath } from './volume-status.ts';

const EXPORT_TIMEOUT_MS = 24 * 3_600_000;

interface ExportOptions {
  readonly node: string;
  readonly to: string;
  readonly id?: string;
  readonly part?: string;
}

export function volumeRescueVerbs(volume: Command): void {
  const rescue = volume
    .command('rescue')
    .description('what copies and split-brain decisions have overwritten on a node');

  withConnection(rescue.command('list <name>'))
    .description('show what the rescue journal of a node holds')
    .requiredOption('--node <node>', 'whose replica')
    .action(async (name: string, { node }: { node: string }, command: Command) => {
      const session = await openSession(command);
      const path = replicaPath(name, node, 'rescue');
      const answer = await session.ask({ method: 'GET', path }, rescuePoints);
      session.print(answer, () => pointsText(answer.points).trimEnd());
    });

  withConnection(rescue.command('export <name>'))
    .description('write an image of what a node held into a new file there')
    .requiredOption('--node <node>', 'whose replica')
    .requiredOption('--to <file>', 'the new file, an absolute path on that node')
    .option('--id <number>', 'which point; default: the newest that is kept')
    .option('--part <part>', 'of a volume with parts: this one; default: all, one behind the other')
    .action(async (name: string, options: ExportOptions, command: Command) => {
      const { node, part, to: path } = options;
      const session = await openSession(command);
      const body = { node, path, ...idOf(options.id), ...(part === undefined ? {} : { part }) };
      const call = { method: 'POST', path: orderPath(name, 'rescue/export'), body } as const;
      await session.order({ ...call, timeoutMs: EXPORT_TIMEOUT_MS }, `${path} is written on ${node}`);
    });

  dangerous(rescue, 'drop <name>', 'give up what the journal keeps, and its room')
    .requiredOption('--id <number>', 'which point')
    .action(
      async (name: string, options: { node: string; id: string; confirm?: string }, command: Command) => {
        const { id } = idOf(options.id);
        if (id === undefined) throw new EterneError('usage', 'say which point: --id NUMBER');
        const body = { node: options.node, id, confirm: await confirmed(name, options) };
        const session = await openSession(command);
        await session.order(
          { method: 'POST', path: orderPath(name, 'rescue/drop'), body },
          `point ${id} is dropped`,
        );
      },
    );
}
