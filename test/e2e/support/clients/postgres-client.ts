/**
 * `postgres-client.ts HOST PORT PASSWORD FILE`: inserts numbered rows into `ledger`, one transaction each, and appends those that were committed to FILE. After an error
 * it connects anew and goes on with the next number: whether the last one was committed is not known.
 */
import { appendFileSync } from 'node:fs';
import { Client } from 'pg';
import { monotonicMs } from './monotonic.ts';

const CONNECT_TIMEOUT_MS = 500;
const QUERY_TIMEOUT_MS = 1000;
const RETRY_MS = 20;

const [host = '', port = '', password = '', file = ''] = process.argv.slice(2);
let number = 0;

async function insertUntilItFails(): Promise<void> {
  const client = new Client({
    host,
    port: Number(port),
    user: 'client',
    database: 'postgres',
    password,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  // The error comes with the query, too.
  client.on('error', () => {});
  try {
    await client.connect();
    for (;;) {
      number += 1;
      await client.query('INSERT INTO ledger VALUES ($1)', [number]);
      appendFileSync(file, `${JSON.stringify({ number, atMs: monotonicMs() })}\n`);
    }
  } finally {
    // A server that is gone does not answer the farewell.
    void client.end().catch(() => {});
  }
}

for (;;) {
  try {
    await insertUntilItFails();
  } catch {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
