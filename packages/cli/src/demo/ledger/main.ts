/**
 * The demonstration's application, an ordinary program that knows nothing of the cluster: `main.ts DEVICE ADDRESS`.
 *
 *   POST /records   {"payload": "…"} → {"number", "checksum"} once the record is on stable storage
 *   GET  /records/N → {"number", "checksum", "payload"}
 *   GET  /status    → {"records", "pid"}
 *
 * It exits when its disk goes away, as a database would.
 */
import { EterneError } from '@eterne/base';
import { openNbd, type NbdClient } from '@eterne/disk/nbd/client/client.ts';
import { errorReply, serveHttp, type HttpReply, type HttpRequest } from '@eterne/runtime/node/http.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { Ledger } from './ledger.ts';
import { PAYLOAD_BYTES_MAX, decodeRecord } from './record.ts';

const world = createNodeWorld('ledger');
const OPEN_TIMEOUT_MS = 10_000;

function stop(error: EterneError): never {
  process.stderr.write(`ledger: ${error.message}\n`);
  process.exit(1);
}

function payloadOf(body: unknown): Buffer | undefined {
  const text = (body as { payload?: unknown } | null | undefined)?.payload;
  const payload = typeof text === 'string' ? Buffer.from(text, 'utf8') : undefined;
  return payload && payload.length <= PAYLOAD_BYTES_MAX ? payload : undefined;
}

function postRecord(ledger: Ledger, request: HttpRequest, reply: (reply: HttpReply) => void): void {
  const payload = payloadOf(request.body);
  if (!payload) {
    return reply(
      errorReply(new EterneError('usage', `give a payload of at most ${PAYLOAD_BYTES_MAX} bytes`)),
    );
  }
  ledger.append(payload, (result) => {
    reply(result instanceof EterneError ? errorReply(result) : { status: 201, body: result });
  });
}

function getRecord(ledger: Ledger, number: number, reply: (reply: HttpReply) => void): void {
  if (!(number < ledger.count)) return reply(errorReply(new EterneError('not-found', 'no such record')));
  ledger.read(number, (slot) => {
    if (slot instanceof EterneError) return reply(errorReply(slot));
    const record = decodeRecord(slot);
    reply(
      record
        ? { status: 200, body: record }
        : errorReply(new EterneError('corrupt', `record ${number} is damaged`)),
    );
  });
}

function serve(ledger: Ledger, address: string): void {
  const onRequest = (request: HttpRequest, reply: (reply: HttpReply) => void): void => {
    const record = /^\/records\/(\d+)$/.exec(request.path);
    if (request.method === 'POST' && request.path === '/records') return postRecord(ledger, request, reply);
    if (request.method === 'GET' && record) return getRecord(ledger, Number(record[1]), reply);
    if (request.path === '/status')
      return reply({ status: 200, body: { records: ledger.count, pid: process.pid } });
    reply(errorReply(new EterneError('not-found', `no ${request.path}`)));
  };
  serveHttp(address, { onRequest }, (result) => {
    if (result instanceof EterneError) stop(result);
  });
}

const [device = '', address = ''] = process.argv.slice(2);
const onClose = (): void => stop(new EterneError('io', 'the disk has gone'));
openNbd(world, device, { timeoutMs: OPEN_TIMEOUT_MS, onClose }, (client: NbdClient | EterneError) => {
  if (client instanceof EterneError) stop(client);
  Ledger.open(client, (ledger) => {
    if (ledger instanceof EterneError) stop(ledger);
    serve(ledger, address);
  });
});
