/**
 * Templates: what a well-known application needs as a group, with a few questions open. Pure data (`catalogue/`), filled by `fill.ts` into a
 * configuration document.
 */
import { EterneError } from '@eterne/base';
import type { Catalogue, Question, Template } from './shapes.ts';
import { databases } from './catalogue/databases.ts';
import { files } from './catalogue/files.ts';
import { machines } from './catalogue/machines.ts';
import { web } from './catalogue/web.ts';
import { COMMON } from './common.ts';

const CATALOGUE: Catalogue = { ...databases, ...web, ...files, ...machines };

export function templateNames(): readonly string[] {
  return Object.keys(CATALOGUE).sort();
}

/** With the questions that all templates ask. */
export function templateNamed(name: string): Template {
  const template = Object.hasOwn(CATALOGUE, name) ? CATALOGUE[name] : undefined;
  if (template === undefined)
    throw new EterneError('not-found', `no template ${name}`, {
      hint: `known: ${templateNames().join(', ')}`,
    });
  return template;
}

/** The template's own questions come between what is asked of every group and what is asked of its storage. */
export function questionsOf(name: string): readonly Question[] {
  const { questions, directory } = templateNamed(name);
  return [
    ...COMMON.group(name),
    ...questions,
    ...(directory === null ? COMMON.bareVolume(name) : COMMON.storage(name, directory)),
    ...COMMON.address,
  ];
}
