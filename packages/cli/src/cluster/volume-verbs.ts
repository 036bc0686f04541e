/** `eterne volume …`. */
import { EterneError } from '@eterne/base';
import { clusterStatus } from '@eterne/cluster/api/schema/status.ts';
import type { Command } from 'commander';
import { openSession, withConnection } from './session.ts';
import { volumesText } from './status-text.ts';
import { volumeOrderVerbs } from './volume-orders.ts';
import { volumeRescueVerbs } from './volume-rescue.ts';
import { orderPath, volumePath, volumeStatusVerbs } from './volume-status.ts';

interface CreateOptions {
  readonly size: string;
  readonly mode: string;
  readonly replica: Readonly<Record<string, string>>;
}

export function volumeVerbs(program: Command): void {
  const volume = program.command('volume').description('mirrored volumes');

  withConnection(volume.command('list'))
    .description('list the volumes')
    .action(async (_options, command: Command) => {
      const session = await openSession(command);
      const { volumes } = await session.ask({ method: 'GET', path: '/api/v1/status' }, clusterStatus);
      session.print(volumes, () => volumesText(volumes));
    });

  withConnection(volume.command('create <name>'))
    .description('create a volume')
    .requiredOption('--size <size>', 'for example 10GiB')
    .option('--mode <mode>', 'sync or async', 'sync')
    .requiredOption('--replica <node=device>', 'one copy; give it once per node', collectReplica, {})
    .action(async (name: string, { size, mode, replica }: CreateOptions, command: Command) => {
      const session = await openSession(command);
      const body = { name, size, mode, replicas: replica };
      await session.order({ method: 'POST', path: '/api/v1/volumes', body }, `volume ${name} created`);
    });

  withConnection(volume.command('delete <name>'))
    .description('delete a volume that no group uses; the data on its devices stays')
    .action(async (name: string, _options, command: Command) => {
      const session = await openSession(command);
      const path = volumePath(name);
      await session.order({ method: 'DELETE', path }, `volume ${name} deleted`);
    });

  withConnection(volume.command('resize <name>'))
    .description('have a volume grow on every replica, while it is in use')
    .requiredOption('--size <size>', 'for example 2GiB; a volume never becomes smaller')
    .action(async (name: string, { size }: { size: string }, command: Command) => {
      const session = await openSession(command);
      const call = { method: 'POST', path: orderPath(name, 'resize'), body: { size } } as const;
      await session.order(call, `${name} is to grow to ${size}; its status shows when it has`);
    });

  withConnection(volume.command('accept-loss <name>'))
    .description('go on with the copy of one node although it may lack acknowledged writes')
    .requiredOption('--node <node>', 'whose copy goes on; the others become copies of it')
    .action(async (name: string, { node }: { node: string }, command: Command) => {
      const session = await openSession(command);
      const path = orderPath(name, 'accept-loss');
      await session.order(
        { method: 'POST', path, body: { node } },
        `${name} goes on with the copy of ${node}`,
      );
    });

  volumeStatusVerbs(volume);
  volumeOrderVerbs(volume);
  volumeRescueVerbs(volume);
}

function collectReplica(text: string, earlier: Readonly<Record<string, string>>): Record<string, string> {
  const [, node, device] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (node === undefined || device === undefined)
    throw new EterneError('usage', `not a replica: ${JSON.stringify(text)}`, {
      hint: 'write for example --replica n1=/srv/data.img',
    });
  return { ...earlier, [node]: device };
}
