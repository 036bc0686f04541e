/** What every verb has in common: it asks the API and prints the answer, for people or as JSON. */
import {
  type ApiCall,
  type ApiTarget,
  callApi,
  firstReachable,
  streamApi,
} from '@eterne/cluster/api/client.ts';
import { EterneError } from '@eterne/base';
import { accepted } from '@eterne/cluster/api/schema/names.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Command } from 'commander';
import type { z } from 'zod';
import { type ConnectionOptions, findCluster, ownFolder } from './connection.ts';

export interface Session {
  readonly target: ApiTarget;
  readonly json: boolean;
  ask<T>(call: ApiCall, answer: z.ZodType<T>): Promise<T>;
  /** An order that only answers that it is committed; says `sentence` then. */
  order(call: ApiCall, sentence: string): Promise<void>;
  stream(path: string): Promise<AsyncIterable<string>>;
  print(value: unknown, forPeople: () => string): void;
}

type VerbOptions = ConnectionOptions & { readonly json?: boolean };

/** Adds the options that every verb takes. */
export function withConnection(command: Command): Command {
  return command
    .option(
      '--api <url>',
      'API of any node, for example https://10.0.0.1:8443, or of several with commas between: the first that answers is asked (ETERNE_API)',
    )
    .option('--token <token>', 'API token (ETERNE_TOKEN)')
    .option('--dir <dir>', 'folder of a node on this machine; its owner needs no token')
    .option('--json', 'print JSON');
}

/** The options of `command`, also those given before its name. */
export async function openSession(command: Command): Promise<Session> {
  const options: VerbOptions = { ...rootOf(command).opts<VerbOptions>(), ...command.opts<VerbOptions>() };
  const target = await firstReachable(await findCluster(createNodeWorld('cli').files, options, process.env));
  const own = ownFolder(options, process.env);
  const json = options.json === true;
  const print = (value: unknown, forPeople: () => string): void => {
    process.stdout.write(`${json ? JSON.stringify(value) : forPeople()}\n`);
  };
  return {
    target,
    json,
    print,
    ask: (call, answer) => orStartIt(own, callApi(target, call, answer)),
    async order(call, sentence) {
      print(await orStartIt(own, callApi(target, call, accepted)), () => sentence);
    },
    stream: (path) => orStartIt(own, streamApi(target, path)),
  };
}

/** The address is the node's own, so nobody has mistyped it. */
async function orStartIt<T>(own: string | undefined, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    if (own === undefined || !(cause instanceof EterneError) || cause.code !== 'unreachable') throw cause;
    throw new EterneError(cause.code, cause.message, {
      hint: `the node in ${own} does not seem to run: start it, or ask another one with --api https://ADDRESS:PORT`,
      cause,
    });
  }
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
