/** `ETERNE_REWRITE=1` writes the outcomes into the transcripts instead of comparing them: then read the diff. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runTranscript } from './support/transcript.ts';

const folder = new URL('transcripts/', import.meta.url);

for (const name of readdirSync(folder)) {
  test(`transcript ${name}`, () => {
    const path = new URL(name, folder);
    const written = readFileSync(path, 'utf8');
    const actual = runTranscript(written);
    if (process.env['ETERNE_REWRITE'] === '1') writeFileSync(path, actual);
    else assert.equal(actual, written);
  });
}
