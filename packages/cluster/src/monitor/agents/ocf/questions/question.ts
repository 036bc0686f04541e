/**
 * What an agent asks a tool of Pacemaker for, as far as Eterne can say it. Exit codes are Pacemaker's (`crm_exit_e`), so that agents tell "it is not
 * so" from "nobody knows": what is not known for certain is never answered with what is likely.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Picture } from '../../../../node/picture.ts';

export const EXIT_USAGE = 64;
/** There is such a question, and Eterne has no answer to it. */
export const EXIT_REFUSED = 69;
/** Nobody who knows can be reached. */
export const EXIT_DISCONNECTED = 102;
export const EXIT_NO_SUCH = 105;

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Who asks: `OCF_RESOURCE_INSTANCE`, and the name of its node. */
export interface Asker {
  readonly instance: string;
  readonly node: string;
}

export interface Question {
  /** False: the answer is true without a majority, too. */
  readonly needsQuorum: boolean;
  answer(picture: Picture): Answer;
}

export const said = (stdout: string): Answer => ({ code: 0, stdout: `${stdout}\n`, stderr: '' });
export const failed = (code: number, stderr: string): Answer => ({ code, stdout: '', stderr: `${stderr}\n` });

/** Thrown while a question is read. */
export class Refusal extends Error {
  readonly answer: Answer;

  constructor(tool: string, code: number, sentence: string) {
    super(sentence);
    this.answer = failed(code, `${tool}: ${sentence}`);
  }
}

export function refuse(tool: string, sentence: string): never {
  throw new Refusal(tool, EXIT_REFUSED, `Eterne does not answer this: ${sentence}`);
}

type Options = NonNullable<ParseArgsConfig['options']>;
export type Given = Readonly<Record<string, string | boolean | undefined>>;

/** Throws a usage `Refusal` for what is not among the options. */
export function readOptions(tool: string, args: readonly string[], options: Options): Given {
  try {
    return parseArgs({ args: [...args], options, strict: true }).values as Given;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Refusal(tool, EXIT_USAGE, error.message.split('\n')[0] ?? '');
  }
}

/** The way Pacemaker names a resource to its agent (`OCF_RESOURCE_INSTANCE`). */
export const idOf = ({ group, name }: { readonly group: string; readonly name: string }): string =>
  `${group}-${name}`;

/** Pacemaker does not tell names of nodes apart by case, and agents lower it. */
export const isSameNode = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
