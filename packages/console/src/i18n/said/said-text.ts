import type { Language } from '../languages.ts';
import { zh } from '../zh.ts';
import { CONFIGURATION, PLANS } from './configuration-zh.ts';
import { COPIES, COPY_ORDERS, HANDSHAKES } from './copies-zh.ts';
import { type Phrase, Phrasebook } from './phrases.ts';
import { MOVES, PLACEMENT, RESOURCES, SENTENCES, TROUBLES } from './reasons-zh.ts';
import { REFUSALS } from './refusals-zh.ts';
import { FENCING, FILES_AND_NETWORK, METADATA, TIES } from './surroundings-zh.ts';
import { WARNINGS } from './warnings-zh.ts';

export const PHRASES: readonly Phrase[] = [
  PLACEMENT,
  MOVES,
  SENTENCES,
  RESOURCES,
  TROUBLES,
  REFUSALS,
  CONFIGURATION,
  PLANS,
  WARNINGS,
  HANDSHAKES,
  COPIES,
  COPY_ORDERS,
  FENCING,
  TIES,
  FILES_AND_NETWORK,
  METADATA,
].flat();

export const WORDS: Readonly<Record<string, string>> = {
  ...zh.resourceState,
  ...zh.groupState,
  ...zh.nodeState,
  ...zh.diskState,
  ...zh.role,
  steady: '稳定',
  moving: '正在迁移',
  sealed: '已封存',
  settling: '正在完成迁移',
};

const BOOK = new Phrasebook(PHRASES, WORDS);
const SEEN_MAX = 500;
/** The same is shown again with every change of the state. */
const seen = new Map<string, string | undefined>();

/** In Chinese; undefined: it is not known. */
export function knownText(text: string): string | undefined {
  if (seen.has(text)) return seen.get(text);
  if (seen.size >= SEEN_MAX) seen.clear();
  const known = BOOK.translate(text);
  seen.set(text, known);
  return known;
}

/** What the server said, in the language of the reader; what is not known stays as it is: nothing of it may be lost. */
export function saidText(text: string, language: Language): string {
  return language === 'en' ? text : (knownText(text) ?? text);
}
