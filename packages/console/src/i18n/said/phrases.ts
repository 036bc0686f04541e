/**
 * Sentences that the server makes in English, said in Chinese. A phrase is the English sentence with its holes, and the Chinese one with the same:
 *
 * - `{node}`: one word, as it stands;
 * - `{phase=}`: one word that has its own in Chinese;
 * - `{why*}`: anything, which is said in Chinese where it is known, and stays as it is where not;
 * - `{who!}`: something that is known;
 * - `… is not heard`: half a sentence, by itself or after the name of whoever it is about.
 *
 * What is put together of several (`a; b`, `a, b`, `a. B.`, `a: why`, `a (why)`) is taken apart where the parts are known.
 */

export type Phrase = readonly [english: string, chinese: string];

interface Pattern {
  readonly matches: RegExp;
  readonly holes: readonly Hole[];
  readonly chinese: string;
  readonly literalCharacters: number;
  /** Without it nothing can match: looked for first, as that costs least. */
  readonly longestLiteral: string;
}

interface Translation {
  readonly said: string;
  /** Nothing of it remains in English. */
  readonly isWhole: boolean;
  /** False: it stands as it was. */
  readonly isKnown: boolean;
}

type Seen = Map<string, Translation | undefined>;

interface Hole {
  readonly name: string;
  readonly kind: '' | '=' | '*' | '!';
}

const HOLE = /\{([a-z]+)([=*!]?)\}/gi;
const LIST = /^[^\s,]+(?:(?:, | and )[^\s,]+)+$/;
const HALF = '… ';
/** How many pieces of one text are looked at: more than any needs that is known. */
const LOOKS_MAX = 400;

interface Joint {
  readonly english: string;
  readonly chinese: string;
  readonly mayBeUnknown: boolean;
}

/** Both sides are known. */
const STRICT: readonly Joint[] = [
  { english: '; ', chinese: '；', mayBeUnknown: false },
  { english: '. ', chinese: '。', mayBeUnknown: false },
  { english: ', ', chinese: '，', mayBeUnknown: false },
];
/** What stands behind may be in the words of another program. */
const LOOSE: readonly Joint[] = [{ english: ': ', chinese: '：', mayBeUnknown: true }];

export class Phrasebook {
  readonly #patterns: readonly Pattern[];
  readonly #words: Readonly<Record<string, string>>;

  constructor(phrases: readonly Phrase[], words: Readonly<Record<string, string>>) {
    this.#words = words;
    this.#patterns = phrases
      .flatMap(bothWays)
      .map(patternOf)
      .toSorted((a, b) => b.literalCharacters - a.literalCharacters);
  }

  /** Undefined: it is not known. */
  translate(text: string): string | undefined {
    return this.#known(text, new Map())?.said;
  }

  /** `seen`: what has been looked at, so that the ways to take a text apart stay few. */
  #known(text: string, seen: Seen): Translation | undefined {
    if (seen.has(text) || seen.size >= LOOKS_MAX) return seen.get(text);
    seen.set(text, undefined);
    const found =
      this.#sentence(text, seen) ??
      this.#inParts(text, STRICT, seen) ??
      this.#whole(text, seen) ??
      this.#inParts(text, LOOSE, seen) ??
      this.#withBrackets(text, seen);
    seen.set(text, found);
    return found;
  }

  /** The phrase that leaves nothing in English; else the longest. */
  #whole(text: string, seen: Seen): Translation | undefined {
    let best: Translation | undefined;
    for (const pattern of this.#patterns) {
      const found = text.includes(pattern.longestLiteral) ? this.#filled(pattern, text, seen) : undefined;
      if (found?.isWhole === true) return found;
      best ??= found;
    }
    return best;
  }

  #filled({ matches, holes, chinese }: Pattern, text: string, seen: Seen): Translation | undefined {
    const found = matches.exec(text);
    if (found === null) return undefined;
    const parts = new Map<string, string>();
    let isWhole = true;
    for (const [at, hole] of holes.entries()) {
      const part = this.#part(hole, found[at + 1] ?? '', seen);
      if (part === undefined) return undefined;
      parts.set(hole.name, part.said);
      isWhole &&= part.isWhole;
    }
    const said = chinese.replace(HOLE, (_all, name: string) => parts.get(name) ?? '');
    return { said, isWhole, isKnown: true };
  }

  #part({ kind }: Hole, text: string, seen: Seen): Translation | undefined {
    switch (kind) {
      case '':
        return { said: text, isWhole: true, isKnown: true };
      case '=': {
        const said = this.#words[text];
        return said === undefined ? undefined : { said, isWhole: true, isKnown: true };
      }
      case '!':
        return this.#known(text, seen);
      case '*':
        return this.#known(text, seen) ?? asItIs(text);
    }
  }

  #sentence(text: string, seen: Seen): Translation | undefined {
    const found = text.endsWith('.') ? this.#known(text.slice(0, -1), seen) : undefined;
    return found && { ...found, said: `${found.said}。` };
  }

  #inParts(text: string, joints: readonly Joint[], seen: Seen): Translation | undefined {
    for (const joint of joints) {
      const { english, chinese } = joint;
      for (let at = text.indexOf(english); at > 0; at = text.indexOf(english, at + 1)) {
        const head = this.#head(text.slice(0, at), joint, seen);
        if (head === undefined) continue;
        const tail = this.#tail(text.slice(at + english.length), joint, head, seen);
        if (tail === undefined) continue;
        return {
          said: `${head.said}${chinese}${tail.said}`,
          isWhole: head.isWhole && tail.isWhole,
          isKnown: true,
        };
      }
    }
    return undefined;
  }

  /** Before a colon a name may stand, of whoever it is about. */
  #head(text: string, { mayBeUnknown }: Joint, seen: Seen): Translation | undefined {
    const found = this.#known(text, seen);
    if (mayBeUnknown) return found ?? (text.includes(' ') ? undefined : asItIs(text));
    return found?.isWhole === true ? found : undefined;
  }

  #tail(text: string, { mayBeUnknown }: Joint, head: Translation, seen: Seen): Translation | undefined {
    const found = this.#known(text, seen);
    if (mayBeUnknown) return found ?? (head.isKnown ? asItIs(text) : undefined);
    return found?.isWhole === true ? found : undefined;
  }

  #withBrackets(text: string, seen: Seen): Translation | undefined {
    const [, before = '', inside = ''] = /^(.+?) \((.+)\)$/s.exec(text) ?? [];
    const said = before === '' ? undefined : this.#known(before, seen);
    const more = said && (this.#known(inside, seen) ?? asItIs(inside));
    return (
      more && { said: `${said.said}（${more.said}）`, isWhole: said.isWhole && more.isWhole, isKnown: true }
    );
  }
}

/** Words by themselves, lists of them and sizes are no English. */
function asItIs(text: string): Translation {
  const isList = LIST.test(text);
  return {
    said: isList ? text.replaceAll(/, | and /g, '、') : text,
    isWhole: isList || !/[a-z] [a-z]/i.test(text),
    isKnown: false,
  };
}

function bothWays(phrase: Phrase): readonly Phrase[] {
  const [english, chinese] = phrase;
  if (!english.startsWith(HALF)) return [phrase];
  const half: Phrase = [english.slice(HALF.length), chinese.slice(HALF.length)];
  return [half, [`{${WHOSE}} ${half[0]}`, `{${WHOSE}} ${half[1]}`]];
}

function patternOf([english, chinese]: Phrase): Pattern {
  const holes = [...english.matchAll(HOLE)].map(([, name = '', kind = '']) => ({
    name,
    kind: kind as Hole['kind'],
  }));
  const literals = english.split(/\{[a-z]+[=*!]?\}/i);
  const source = literals
    .map((literal, at) => literal.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`) + groupFor(holes[at]))
    .join('');
  return {
    matches: new RegExp(`^${source}$`, 's'),
    holes,
    chinese,
    literalCharacters: literals.join('').length,
    longestLiteral: literals.reduce((a, b) => (b.length > a.length ? b : a)),
  };
}

/** Before half a sentence stands a name, and not what joins it to the other half. */
const WHOSE = 'whose';

function groupFor(hole: Hole | undefined): string {
  if (hole === undefined) return '';
  if (hole.name === WHOSE) return String.raw`((?!(?:and|but|it|or|so) )\S+?)`;
  return hole.kind === '*' || hole.kind === '!' ? '(.+?)' : String.raw`(\S+?)`;
}
