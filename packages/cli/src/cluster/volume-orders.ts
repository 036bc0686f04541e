/** `eterne volume verify|resync|connect|disconnect|detach|attach|invalidate|resolve`: orders for one replica, whichever node is asked. */
import { createInterface } from 'node:readline/promises';
import { EterneError } from '@eterne/base';
import type { Command } from 'commander';
import { discardOf } from '../disk/options.ts';
import { openSession, withConnection } from './session.ts';
import { orderPath, watchVerify } from './volume-status.ts';

interface ReplicaOptions {
  readonly node?: string;
  readonly peer?: string;
}

interface ConfirmOptions {
  readonly node: string;
  readonly confirm?: string;
}

export function volumeOrderVerbs(volume: Command): void {
  withConnection(volume.command('verify <name>'))
    .description('compare the copies while they are in use, mark what differs, and stay until it is over')
    .option('--fast', 'by bitmaps and generations only')
    .option('--repair', 'copy what differs at once, from the primary')
    .option('--node <node>', 'whose copy; default: that of the primary')
    .option('--peer <node>', 'compare with this one only')
    .option('--no-wait', 'return when it has begun')
    .action(async (name: string, options: VerifyOptions, command: Command) => {
      const session = await openSession(command);
      const { fast, repair, wait } = options;
      const body = { fast: fast === true, repair: repair === true, ...given(options) };
      const call = { method: 'POST', path: orderPath(name, 'verify'), body } as const;
      if (!wait) return session.order(call, `the verify of ${name} has begun`);
      await watchVerify(session, name, options, call);
    });

  link(volume, 'resync <name>', 'copy what a verify has marked, from the primary', 'resync');
  link(volume, 'connect <name>', 'take up the link between two replicas again', 'connect');
  link(volume, 'disconnect <name>', 'leave another replica alone', 'disconnect');
  simple(
    volume,
    'detach <name>',
    'give the disk of a replica back, to be taken away; another serves',
    'detach',
  );

  dangerous(volume, 'attach <name>', 'the failed or detached disk of a replica is there again')
    .option('--replaced', 'it is another disk, or nothing on it counts: copy everything to it')
    .action(async (name: string, options: ConfirmOptions & { replaced?: true }, command: Command) => {
      const { node, replaced } = options;
      const confirm = replaced === true ? { confirm: await confirmed(name, options) } : {};
      const session = await openSession(command);
      const body = { node, replaced: replaced === true, ...confirm };
      const call = { method: 'POST', path: orderPath(name, 'attach'), body } as const;
      await session.order(call, `the disk of ${name} on ${node} is attached`);
    });

  dangerous(
    volume,
    'invalidate <name>',
    'declare the content of a replica worthless: everything is copied to it',
  ).action(async (name: string, options: ConfirmOptions, command: Command) => {
    const { node } = options;
    const body = { node, confirm: await confirmed(name, options) };
    const session = await openSession(command);
    const call = { method: 'POST', path: orderPath(name, 'invalidate'), body } as const;
    await session.order(call, `everything is copied to ${name} on ${node}`);
  });

  dangerous(
    volume,
    'resolve <name>',
    'end a split brain: the changes of one side are given up, into its rescue journal',
  )
    .option('--discard-local', 'what --node changed')
    .option('--discard-remote', 'what the other side changed')
    .option('--peer <node>', 'the other side, where there are several')
    .action(async (name: string, options: ResolveOptions, command: Command) => {
      const { node, peer } = options;
      const discard = discardOf(options);
      const confirm = await confirmed(name, options);
      const body = { node, discard, confirm, ...(peer === undefined ? {} : { peer }) };
      const session = await openSession(command);
      const call = { method: 'POST', path: orderPath(name, 'resolve'), body } as const;
      await session.order(call, `the split brain of ${name} is settled`);
    });
}

interface VerifyOptions extends ReplicaOptions {
  readonly fast?: true;
  readonly repair?: true;
  readonly wait: boolean;
}

interface ResolveOptions extends ConfirmOptions {
  readonly discardLocal?: true;
  readonly discardRemote?: true;
  readonly peer?: string;
}

function given({ node, peer }: ReplicaOptions): ReplicaOptions {
  return { ...(node === undefined ? {} : { node }), ...(peer === undefined ? {} : { peer }) };
}

function link(volume: Command, usage: string, description: string, verb: string): void {
  simple(volume, usage, description, verb).option('--peer <node>', 'the other side, where there are several');
}

function simple(volume: Command, usage: string, description: string, verb: string): Command {
  return withConnection(volume.command(usage))
    .description(description)
    .option('--node <node>', 'whose replica; default: that of the primary')
    .action(async (name: string, options: ReplicaOptions, command: Command) => {
      const session = await openSession(command);
      const call = { method: 'POST', path: orderPath(name, verb), body: given(options) } as const;
      await session.order(call, `${verb} of ${name}: done`);
    });
}

/** One that gives up data: it names its node, and the volume twice. */
export function dangerous(volume: Command, usage: string, description: string): Command {
  return withConnection(volume.command(usage))
    .description(description)
    .requiredOption('--node <node>', 'whose replica')
    .option('--confirm <name>', 'the name of the volume once more; asked for on a terminal');
}

export async function confirmed(
  volume: string,
  { confirm }: Pick<ConfirmOptions, 'confirm'>,
): Promise<string> {
  const answer = confirm ?? (await askName(volume));
  if (answer === volume) return answer;
  throw new EterneError('usage', `this gives up data of ${volume}: confirm it by its name`, {
    hint: `--confirm ${volume}`,
  });
}

async function askName(volume: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(`This gives up data. Type ${volume} to go on: `);
  } finally {
    terminal.close();
  }
}
