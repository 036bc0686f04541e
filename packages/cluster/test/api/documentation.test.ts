import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startFixture } from './fixture.ts';

test('docs/reference/api.md lists every route with its role, and no other', async () => {
  const fixture = await startFixture();
  const { json } = await fixture.call('GET', '/api/v1/openapi.json');
  await fixture.close();
  const paths = json?.['paths'] as Record<string, Record<string, { description: string }>>;
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { description }]) => {
      const role = /role (\w+)/.exec(description)?.[1] ?? 'public';
      return `${method.toUpperCase()} ${path.replace('{name}', 'NAME').replace('{node}', 'NODE')} ${role}`;
    }),
  );
  const text = await readFile(new URL('../../../../docs/reference/api.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([A-Z]+) (\/api\/v1\/[^`?]*)(?:\?[^`]*)?` \| ([^|]*) \|/gm)];
  const documented = rows.map(([, method, path, role]) => {
    const known = ['viewer', 'operator', 'admin'].includes(role ?? '') ? role : 'public';
    return `${method} ${path} ${known}`;
  });
  assert.deepEqual(documented.sort(), served.sort());
});
