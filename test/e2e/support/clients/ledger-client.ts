/** `ledger-client.ts ADDRESS FILE`: posts records to the demonstration's ledger, one after another, and appends those that were acknowledged to FILE. */
import { appendFileSync } from 'node:fs';
import { callHttp } from '@eterne/runtime/node/http.ts';
import { monotonicMs } from './monotonic.ts';

const REQUEST_TIMEOUT_MS = 500;
const RETRY_MS = 20;

const [address = '', file = ''] = process.argv.slice(2);

for (;;) {
  try {
    const body = { payload: 'a record' };
    const options = { method: 'POST', path: '/records', body, timeoutMs: REQUEST_TIMEOUT_MS } as const;
    const { number } = (await callHttp(address, options)) as { number: number };
    appendFileSync(file, `${JSON.stringify({ number, atMs: monotonicMs() })}\n`);
  } catch {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
