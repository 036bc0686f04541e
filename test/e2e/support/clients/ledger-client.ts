/** `ledger-client.ts ADDRESS FILE`: posts records to the demonstration's ledger, one after another; appends each acknowledged one to FILE, as one line of JSON. */
import { appendFileSync } from 'node:fs';
import { callHttp } from '@eterne/runtime/node/http.ts';
import { monotonicMs } from './monotonic.ts';

const REQUEST_TIMEOUT_MS = 500;
const RETRY_MS = 20;

const [address = '', file = ''] = process.argv.slice(2);

for (let turn = 0; ; turn += 1) {
  const payload = `${process.pid} turn ${turn}`;
  try {
    const receipt = await callHttp(address, {
      method: 'POST',
      path: '/records',
      body: { payload },
      timeoutMs: REQUEST_TIMEOUT_MS,
    });
    appendFileSync(file, `${JSON.stringify({ ...(receipt as object), payload, atMs: monotonicMs() })}\n`);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
