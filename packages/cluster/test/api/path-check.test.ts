import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { confirmPaths } from '../../src/api/path-check.ts';
import type { Losses } from '../../src/state/places.ts';

type Up = Readonly<Record<string, boolean>>;

/** What each node says of its paths: `n1>n2` → name → up. */
function checked(kept: Losses['kept'], seen: Readonly<Record<string, Up>>, by = 'n1'): Promise<void> {
  const lost = { a: 'n1', b: 'n2', kept, leaves: true };
  const statusOf = (node: string) => ({
    reportedBy: node,
    nodes: ['n1', 'n2', 'w'].map((name) => ({
      name,
      paths: Object.entries(seen[`${node}>${name}`] ?? {}).map(([path, up]) => ({
        kind: path.split(':')[0],
        path,
        up,
      })),
    })),
  });
  const context = {
    facade: { status: () => statusOf(by), configLosses: () => Promise.resolve([lost]) },
    neighbours: { ask: (node: string) => Promise.resolve(statusOf(node)) },
  };
  return confirmPaths(context as unknown as Parameters<typeof confirmPaths>[0], {}, 'me@here');
}

const KEPT = [{ local: 'a1:7700', remote: 'b1:7700' }];
const refused = (error: unknown): boolean =>
  error instanceof EterneError &&
  error.code === 'refused' &&
  error.message.startsWith('n1 and n2 do not hear each other over what they would keep (a1:7700 – b1:7700)');

for (const by of ['n1', 'n2', 'w'])
  test(`asked by ${by}: a path that stays has to be up`, async () => {
    const old = 'udp:a0:7700-b0:7700';
    await checked(KEPT, { 'n1>n2': { [old]: true, 'udp:a1:7700-b1:7700': true } }, by);
    await assert.rejects(
      checked(KEPT, { 'n1>n2': { [old]: true, 'udp:a1:7700-b1:7700': false } }, by),
      refused,
    );
  });

test('a heartbeat disk is no path, and who is not heard at all loses nothing', async () => {
  await assert.rejects(
    checked(KEPT, { 'n1>n2': { 'udp:a0:7700-b0:7700': true, 'disk:/dev/sdb': true } }),
    refused,
  );
  await checked(KEPT, { 'n1>n2': { 'udp:a0:7700-b0:7700': false, 'disk:/dev/sdb': true } });
});
