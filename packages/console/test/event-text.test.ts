import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { knowsEvent } from '../src/i18n/event-text.ts';

const STATE = fileURLToPath(new URL('../../cluster/src/state/', import.meta.url));
const SUBJECTS = 'account|cluster|config|fence|group|node|pair|resource|volume';
/** Codes that are put together. */
const MADE = [
  ...['starting', 'online', 'stopping', 'blocked', 'stopped'].map((phase) => `group.${phase}`),
  ...['created', 'changed'].flatMap((verb) => [`group.${verb}`, `volume.${verb}`]),
  ...['active', 'standby', 'maintenance'].map((mode) => `node.${mode}`),
];

test('every event has its sentence in Chinese', () => {
  const source = readdirSync(STATE)
    .filter((name) => name.startsWith('apply'))
    .map((name) => readFileSync(`${STATE}${name}`, 'utf8'))
    .join('\n');
  const written = [...source.matchAll(new RegExp(`'((?:${SUBJECTS})\\.[a-z-]+)'`, 'g'))].map(
    ([, code = '']) => code,
  );
  assert.ok(written.length > 30, 'codes are found');
  const unknown = [...written, ...MADE].filter((code) => !knowsEvent(code));
  assert.deepEqual([...new Set(unknown)], []);
});
