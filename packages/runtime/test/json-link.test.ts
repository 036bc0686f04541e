import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import { JsonLink, type JsonLinkHandler, type Stream, type StreamHandler } from '../src/index.ts';
import { nodeTimers } from '../src/node/clock.ts';

/** Two ends of an in-memory stream. `split` cuts every write into pieces of that many bytes. */
function pair(split: number): [Stream, Stream] {
  const handlers: (StreamHandler | undefined)[] = [undefined, undefined];
  let open = true;
  const end = (mine: number): Stream => ({
    localAddress: 'unix:a',
    remoteAddress: 'unix:b',
    bufferedBytes: 0,
    start: (handler) => (handlers[mine] = handler),
    write(chunk) {
      for (let at = 0; at < chunk.length; at += split) {
        const piece = Buffer.from(chunk.subarray(at, at + split));
        setImmediate(() => open && handlers[1 - mine]?.onData(piece));
      }
      return true;
    },
    cork() {},
    uncork() {},
    pauseReading() {},
    resumeReading() {},
    end: () => close(),
    destroy: () => close(),
  });
  const close = (): void => {
    if (!open) return;
    open = false;
    for (const handler of handlers) handler?.onClose(undefined);
  };
  return [end(0), end(1)];
}

const silent: JsonLinkHandler = {
  onCall: (_name, _body, reply) => reply({ ok: null }),
  onNote: () => {},
  onClose: () => {},
};

const call = (link: JsonLink, name: string, body: unknown, timeoutMs = 60_000): Promise<unknown> =>
  new Promise((resolve, reject) => {
    link.call(name, body, timeoutMs, (result, error) => (error ? reject(error) : resolve(result)));
  });

for (const split of [1, 7, 100_000]) {
  test(`calls, answers, errors and notes cross a link in pieces of ${split}`, async () => {
    const [left, right] = pair(split);
    const notes: unknown[] = [];
    const client = new JsonLink(left, nodeTimers, {
      ...silent,
      onNote: (name, body) => notes.push([name, body]),
    });
    const server = new JsonLink(right, nodeTimers, {
      ...silent,
      onCall(name, body, reply) {
        if (name === 'double') reply({ ok: (body as number) * 2 });
        else reply({ error: new EterneError('refused', 'no such thing', { hint: 'ask for double' }) });
      },
    });
    server.note('状态', { up: true });
    assert.deepEqual(await Promise.all([call(client, 'double', 4), call(client, 'double', 5)]), [8, 10]);
    await assert.rejects(call(client, 'halve', 4), { code: 'refused', hint: 'ask for double' });
    assert.deepEqual(notes, [['状态', { up: true }]]);
  });
}

test('a call without an answer times out; a close answers all that wait', async () => {
  const [left, right] = pair(100);
  const client = new JsonLink(left, nodeTimers, silent);
  new JsonLink(right, nodeTimers, { ...silent, onCall: () => {} });
  await assert.rejects(call(client, 'slow', null, 20), { code: 'timeout' });
  const waiting = call(client, 'slow', null);
  client.close();
  await assert.rejects(waiting, { code: 'unreachable' });
  await assert.rejects(call(client, 'late', null), { code: 'unreachable' });
});

for (const garbage of ['not json\n', '[]x\n', '{"id":"x","call":"y"}\n', '7\n']) {
  test(`garbage closes the link: ${garbage.trim()}`, async () => {
    const [left, right] = pair(100);
    const closed = new Promise<void>((resolve) => {
      new JsonLink(left, nodeTimers, { ...silent, onClose: () => resolve() });
    });
    right.start({ onData: () => {}, onDrain: () => {}, onClose: () => {} });
    right.write(Buffer.from(garbage));
    await closed;
  });
}

test('what is said in one turn leaves together', async () => {
  const [left, right] = pair(100_000);
  const vectors: number[] = [];
  let held: number | undefined;
  const write = left.write.bind(left);
  left.write = (chunk) => {
    if (held === undefined) vectors.push(1);
    else held += 1;
    return write(chunk);
  };
  left.cork = () => void (held = 0);
  left.uncork = () => {
    vectors.push(held ?? 0);
    held = undefined;
  };
  const heard: unknown[] = [];
  new JsonLink(right, nodeTimers, { ...silent, onNote: (_name, body) => heard.push(body) });
  const link = new JsonLink(left, nodeTimers, silent);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (const number of [1, 2, 3]) link.note('n', number);
  await turn();
  link.note('n', 4);
  await turn();
  await turn();
  assert.deepEqual(vectors, [3, 1]);
  assert.deepEqual(heard, [1, 2, 3, 4]);
});
