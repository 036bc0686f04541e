/** From a template and answers to a configuration document. Pure; what comes out is judged like any other document. */
import { EterneError } from '@eterne/base';
import { ADDRESS, BARE_VOLUME, STORAGE } from './common.ts';
import type { AnswerKind, Question, ResourceTemplate } from './shapes.ts';
import { questionsOf, templateNamed } from './template.ts';

export type Answers = Readonly<Record<string, string>>;

const ANSWER_MAX = 4096;

/** Nothing that a shell, YAML or an agent could take for something else. */
const PATTERNS: Readonly<Record<Exclude<AnswerKind, 'choice'>, RegExp>> = {
  name: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  path: /^\/[A-Za-z0-9._/@:+-]*$/,
  device: /^\/[A-Za-z0-9._/@:+-]+$/,
  size: /^\d+(\.\d+)?(B|KiB|MiB|GiB|TiB|PiB)?$/,
  number: /^\d{1,9}$/,
  list: /^[A-Za-z0-9._@:-]+(,[A-Za-z0-9._@:-]+)*$/,
  address: /^[0-9a-fA-F.:]+\/\d{1,3}$/,
  text: /^[A-Za-z0-9._/@:+=, -]*$/,
};

export function fillTemplate(name: string, given: Answers): Record<string, unknown> {
  const template = templateNamed(name);
  const questions = questionsOf(name);
  const answers = answersTo(name, questions, given);
  if (answers['volume'] !== '' && (answers['sharedDisk'] ?? '') !== '')
    throw new EterneError('config', 'give either a volume or a shared disk');
  refuseSeveralDatabases(name, answers);
  const storage = template.directory === null ? BARE_VOLUME : STORAGE;
  const resources = [...storage, ...ADDRESS, ...template.resources]
    .filter(({ when }) => isWanted(when, answers))
    .map((resource) => filled(resource, questions, answers));
  const volumes = volumeOf(answers);
  return {
    ...(volumes.length === 0 ? {} : { volumes }),
    groups: [{ name: answers['name'], nodes: answers['nodes']?.split(','), resources }],
  };
}

/** On nothing that moves along each node would get an empty database of its own, and the next one nothing of what the last one has written. */
function refuseSeveralDatabases(name: string, answers: Answers): void {
  const isOnNothing = answers['volume'] === '' && answers['sharedDisk'] === '';
  if (answers['initialise'] !== 'yes' || !isOnNothing || !answers['nodes']?.includes(',')) return;
  throw new EterneError('config', `template ${name} would make a database of its own on each node`, {
    hint: 'give volume, volumeSize and volumeDevice, or sharedDisk; initialise=no where the directory itself is shared',
  });
}

function answersTo(name: string, questions: readonly Question[], given: Answers): Record<string, string> {
  const known = questions.map(({ key }) => key);
  const odd = Object.keys(given).find((key) => !known.includes(key));
  if (odd !== undefined)
    throw new EterneError('config', `template ${name} does not ask for ${odd}`, {
      hint: `it asks for ${known.join(', ')}`,
    });
  return Object.fromEntries(questions.map((question) => [question.key, answerTo(question, given)]));
}

function answerTo(question: Question, given: Answers): string {
  const { key, kind, choices, help } = question;
  const answer = given[key] ?? question.default;
  if (answer === undefined) throw new EterneError('config', `${key} is missing: ${help.en}`);
  if (answer === '' && question.default === '') return answer;
  const fits = kind === 'choice' ? (choices?.includes(answer) ?? false) : PATTERNS[kind].test(answer);
  if (!fits || answer.length > ANSWER_MAX)
    throw new EterneError('config', `${key}: not what is asked for: ${JSON.stringify(answer)}`, {
      hint: choices === undefined ? help.en : `one of ${choices.join(', ')}`,
    });
  return answer;
}

/** `key`: its answer is not empty; `!key`: it is; `key=value`: it is that. */
function isWanted(when: string | undefined, answers: Answers): boolean {
  if (when === undefined) return true;
  if (when.startsWith('!')) return answers[when.slice(1)] === '';
  const [key = '', value] = when.split('=');
  return value === undefined ? (answers[key] ?? '') !== '' : answers[key] === value;
}

function filled(
  { when: _when, ...resource }: ResourceTemplate,
  questions: readonly Question[],
  answers: Answers,
): unknown {
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') return fillText(value, questions, answers);
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill(resource);
}

const PLACE = /\{\{(\w+)\}\}/g;

/** A text that is nothing but the answer to a `list` becomes a list. */
function fillText(text: string, questions: readonly Question[], answers: Answers): unknown {
  const whole = /^\{\{(\w+)\}\}$/.exec(text)?.[1];
  const kind = questions.find(({ key }) => key === whole)?.kind;
  if (whole !== undefined && kind === 'list') return answers[whole]?.split(',');
  return text.replaceAll(PLACE, (_, key: string) => {
    const answer = answers[key];
    if (answer === undefined)
      throw new EterneError('config', `the template stands on ${key}, which nobody asks for`);
    return answer;
  });
}

function volumeOf({
  volume = '',
  volumeSize = '',
  volumeDevice = '',
  nodes = '',
}: Answers): readonly unknown[] {
  if (volumeSize === '') return [];
  if (volume === '' || volumeDevice === '')
    throw new EterneError('config', 'a new volume needs volume, volumeSize and volumeDevice');
  const replicas = Object.fromEntries(nodes.split(',').map((node) => [node, volumeDevice]));
  return [{ name: volume, size: volumeSize, replicas }];
}
