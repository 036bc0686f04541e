import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Listener } from '../src/index.ts';
import { nodeNetwork } from '../src/node/network.ts';
import { startWorker } from '../src/node/worker.ts';

const child = fileURLToPath(new URL('worker-child.ts', import.meta.url));

test('a connection is handed to a worker with the bytes already read', { timeout: 120_000 }, async () => {
  const messages: unknown[] = [];
  let exit: (value: string | null) => void = () => {};
  const exited = new Promise<string | null>((resolve) => (exit = resolve));
  const worker = startWorker(child, [], {
    onMessage: (message) => messages.push(message),
    onExit: (_code, signal) => exit(signal),
  });
  const listener = await new Promise<Listener>((resolve, reject) => {
    nodeNetwork.listen(
      '127.0.0.1:0',
      (stream) => {
        let first = true;
        stream.start({
          onData(chunk) {
            assert.ok(first, 'nothing is read after the hand-over');
            first = false;
            worker.sendStream({ volume: 'v0' }, stream, Buffer.from(chunk.subarray(3)));
          },
          onDrain: () => {},
          onClose: () => {},
        });
      },
      (result) => (result instanceof EterneError ? reject(result) : resolve(result)),
    );
  });
  const heard = await new Promise<string>((resolve, reject) => {
    nodeNetwork.connect(listener.address, { timeoutMs: 60_000 }, (stream) => {
      if (stream instanceof EterneError) return reject(stream);
      let text = '';
      stream.start({
        onData(chunk) {
          text += chunk.toString();
          if (text === 'ABC') setTimeout(() => stream.write(Buffer.from('def')), 20);
          if (text === 'ABCDEF') {
            resolve(text);
            stream.destroy();
          }
        },
        onDrain: () => {},
        onClose: () => {},
      });
      stream.write(Buffer.from('v0\nabc'));
    });
  });
  assert.equal(heard, 'ABCDEF');
  worker.send('hello');
  while (!messages.some((message) => JSON.stringify(message) === '{"echoed":"hello"}')) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  worker.kill('SIGKILL');
  assert.equal(await exited, 'SIGKILL');
  assert.deepEqual(messages[0], { got: { volume: 'v0' } });
  listener.close();
});

test('a worker has the flags it is given, not those of its supervisor', { timeout: 120_000 }, async () => {
  const flags = ['--max-semi-space-size=3'];
  const said = await new Promise((resolve) => {
    const onMessage = (message: unknown): void => {
      worker.kill('SIGKILL');
      resolve(message);
    };
    const worker = startWorker(child, [], { onMessage, onExit: () => {} }, undefined, flags);
    worker.send('flags?');
  });
  assert.deepEqual(said, { flags });
});
