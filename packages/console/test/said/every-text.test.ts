import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Phrasebook } from '../../src/i18n/said/phrases.ts';
import { PHRASES, WORDS } from '../../src/i18n/said/said-text.ts';
import { IN_ENGLISH, MAKERS } from './makers.ts';
import { FILLED, textsOf } from './source-texts.ts';

const book = new Phrasebook(PHRASES, { ...WORDS, [FILLED]: FILLED });

for (const { name, path, except } of MAKERS)
  test(`every sentence of ${name} has its Chinese`, () => {
    const unknown = textsOf(path, except).filter((text) => book.translate(text) === undefined);
    assert.deepEqual(unknown.toSorted(), (IN_ENGLISH[name] ?? []).toSorted());
  });

test('sentences are found: literals, templates, both ways of a choice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'eterne-texts-'));
  const path = join(folder, 'source.ts');
  writeFileSync(
    path,
    [
      "import { x } from 'not this one';",
      'export type Kind = "nor this one";',
      'export function say(node: string, isLate: boolean): string {',
      "  if (node === '') throw new EterneError('protocol', 'nor what peers say');",
      "  assert(isLate, 'nor that here');",
      "  if (isLate) return 'it is late';",
      "  return `${node} is ${isLate ? 'too late' : node} today`;",
      '}',
      "function aside(): string { return 'left out by name'; }",
    ].join('\n'),
  );
  assert.deepEqual(textsOf(path, ['aside']), [
    'it is late',
    `${FILLED} is too late today`,
    `${FILLED} is ${FILLED} today`,
    'too late',
  ]);
  await rm(folder, { recursive: true });
});

test('much is looked at', () => {
  assert.ok(MAKERS.length > 100);
  assert.ok(MAKERS.flatMap(({ path, except }) => textsOf(path, except)).length > 700);
});
