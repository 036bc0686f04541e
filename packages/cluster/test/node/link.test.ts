import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Listener } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { LinkClient, listenLinks, type AcceptedLink } from '../../src/node/link.ts';

const world = createNodeWorld('test');

async function makeAddress(context: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'eterne-link-'));
  context.after(() => rm(dir, { recursive: true }));
  return `unix:${join(dir, 'sock')}`;
}

/** A server that answers every call with its body. */
async function serve(context: TestContext, address: string, links: AcceptedLink[] = []): Promise<Listener> {
  const listener = await new Promise<Listener>((resolve, reject) =>
    listenLinks(
      world,
      address,
      (link) => {
        links.push(link);
        return { onCall: (_name, body, reply) => reply({ ok: body }), onNote: () => {}, onClose: () => {} };
      },
      (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
    ),
  );
  context.after(() => {
    listener.close();
    for (const link of links) link.close();
  });
  return listener;
}

function connect(context: TestContext, address: string, onUp: () => void = () => {}): LinkClient {
  const client = new LinkClient(world, address, { onUp, onDown: () => {}, onNote: () => {} });
  client.open();
  context.after(() => client.close());
  return client;
}

const call = (client: LinkClient, body: unknown, timeoutMs = 2000): Promise<unknown> =>
  new Promise((resolve, reject) =>
    client.call('echo', body, timeoutMs, (result, error) => (error ? reject(error) : resolve(result))),
  );

test('a call made before the other side listens waits for it', async (context) => {
  const address = await makeAddress(context);
  const client = connect(context, address);
  const answer = call(client, 'early');
  await serve(context, address);
  assert.equal(await answer, 'early');
});

test('a call whose time is over before the link is up says so', async (context) => {
  const client = connect(context, await makeAddress(context));
  await assert.rejects(
    call(client, 'lost', 60),
    (error) => error instanceof EterneError && error.code === 'unreachable',
  );
});

test('a lost link comes back by itself', async (context) => {
  const address = await makeAddress(context);
  const links: AcceptedLink[] = [];
  await serve(context, address, links);
  let ups = 0;
  const client = connect(context, address, () => (ups += 1));
  assert.equal(await call(client, 1), 1);
  for (const link of links) link.close();
  while (client.isUp) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await call(client, 2), 2);
  assert.equal(ups, 2);
});

test('waiting calls are bounded', async (context) => {
  const client = connect(context, await makeAddress(context));
  const calls = Array.from({ length: 257 }, (_, index) => call(client, index, 500));
  await assert.rejects(calls[256] ?? assert.fail());
  client.close();
  await Promise.allSettled(calls);
});
