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
  readonly size?: string;
  readonly mode: string;
  readonly replica?: Readonly<Record<string, string>>;
  readonly part?: readonly Part[];
}

interface Part {
  readonly name: string;
  readonly size: string;
  readonly replicas: Readonly<Record<string, string>>;
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
    .option('--size <size>', 'for example 10GiB')
    .option('--mode <mode>', 'sync or async', 'sync')
    .option('--replica <node=device>', 'one copy; give it once per node', collectReplica)
    .option(
      '--part <name:size:node=device,…>',
      'instead of both: a disk that shares the order of writes with the others; give it once per disk',
      collectPart,
    )
    .action(async (name: string, { mode, ...given }: CreateOptions, command: Command) => {
      const session = await openSession(command);
      const body = { name, mode, ...disksOf(given) };
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
    .option('--part <part>', 'of a volume with parts: the last one')
    .action(async (name: string, { part, size }: { part?: string; size: string }, command: Command) => {
      const session = await openSession(command);
      const body = { size, ...(part === undefined ? {} : { part }) };
      const call = { method: 'POST', path: orderPath(name, 'resize'), body } as const;
      const what = part === undefined ? name : `part ${part} of ${name}`;
      await session.order(call, `${what} is to grow to ${size}; its status shows when it has`);
    });

  withConnection(volume.command('accept-loss <name>'))
    .description('go on with the copy of one node although it may lack acknowledged writes')
    .requiredOption(
      '--node <node>',
      'whose copy goes on, or which device of a volume that has devices; the others become copies of it',
    )
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

function disksOf({ part = [], replica = {}, size }: Omit<CreateOptions, 'mode'>): object {
  const isWhole = size !== undefined && Object.keys(replica).length > 0;
  if (part.length === 0 && isWhole) return { size, replicas: replica };
  if (part.length > 0 && size === undefined && Object.keys(replica).length === 0) return { parts: part };
  throw new EterneError('usage', 'a volume has --size and --replica, or --part for each of its disks');
}

function collectPart(text: string, earlier: readonly Part[] = []): readonly Part[] {
  const [, name, size, devices] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
  if (name === undefined || size === undefined || devices === undefined)
    throw new EterneError('usage', `not a part: ${JSON.stringify(text)}`, {
      hint: 'write for example --part log:1GiB:n1=/srv/log.img,n2=/srv/log.img',
    });
  const replicas = devices
    .split(',')
    .reduce((all: Readonly<Record<string, string>>, each) => collectReplica(each, all), {});
  return [...earlier, { name, size, replicas }];
}

function collectReplica(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const [, node, device] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (node === undefined || device === undefined)
    throw new EterneError('usage', `not a replica: ${JSON.stringify(text)}`, {
      hint: 'write for example --replica n1=/srv/data.img',
    });
  return { ...earlier, [node]: device };
}
