/**
 * etcd over gRPC (`@grpc/grpc-js`). Several endpoints, one in use: after any failure the next one is. It repeats nothing by itself, since after a
 * failure nobody knows whether a transaction was done: the log decides what to ask again.
 */
import { fileURLToPath } from 'node:url';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  status,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { EterneError } from '@eterne/base';
import type { Timer, World } from '@eterne/runtime';
import { namedTlsContext, type NamedTlsIdentity } from '@eterne/runtime/node/named-tls.ts';
import { NamedTlsCredentials } from './credentials.ts';
import type { EtcdStore, Txn, TxnAnswer } from './port.ts';
import { decodeTxnAnswer, encodeTxn, type WireTxn, type WireTxnAnswer } from './wire.ts';

export interface EtcdAccess {
  /** `host:port`. */
  readonly endpoints: readonly string[];
  /** Undefined: without TLS. */
  readonly tls: NamedTlsIdentity | undefined;
}

const PROTO = fileURLToPath(new URL('etcd.proto', import.meta.url));
const COMPACT_TIMEOUT_MS = 10_000;
const WATCH_AGAIN_MS = 1000;
/** etcd answers with at most what was put, and that is bounded; anything larger is not an answer to us. */
const ANSWER_MAX_BYTES = 32 * 1024 * 1024;
const CHANNEL = {
  'grpc.max_receive_message_length': ANSWER_MAX_BYTES,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // etcd takes more than one ping in 5 s for an attack.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3000,
};

type Answer<T> = (error: ServiceError | null, value: T | undefined) => void;

interface Kv extends Client {
  Txn(request: WireTxn, metadata: Metadata, options: { deadline: number }, done: Answer<WireTxnAnswer>): void;
  Compact(
    request: { revision: number; physical: boolean },
    metadata: Metadata,
    options: { deadline: number },
    done: Answer<unknown>,
  ): void;
}

interface Watcher extends Client {
  Watch(metadata: Metadata): ClientDuplexStream<unknown, { created: boolean }>;
}

type Service<T> = new (address: string, tls: ChannelCredentials, options: typeof CHANNEL) => T;

interface Loaded {
  readonly etcdserverpb: { readonly KV: Service<Kv>; readonly Watch: Service<Watcher> };
}

export function openGrpcStore(
  world: Pick<World, 'clock' | 'timers'>,
  { endpoints, tls }: EtcdAccess,
): EtcdStore {
  const definition = loadSync(PROTO, { keepCase: true, longs: Number, enums: String, defaults: true });
  const loaded = loadPackageDefinition(definition) as unknown as Loaded;
  const context = tls && namedTlsContext(tls);
  const servers = endpoints.map((endpoint) => {
    const channel = context ? new NamedTlsCredentials(context) : credentials.createInsecure();
    return {
      endpoint,
      kv: new loaded.etcdserverpb.KV(endpoint, channel, CHANNEL),
      watcher: new loaded.etcdserverpb.Watch(endpoint, channel, CHANNEL),
    };
  });
  return new GrpcStore(world, servers);
}

interface Server {
  readonly endpoint: string;
  readonly kv: Kv;
  readonly watcher: Watcher;
}

class GrpcStore implements EtcdStore {
  readonly #world: Pick<World, 'clock' | 'timers'>;
  readonly #servers: readonly Server[];
  #current = 0;
  #closed = false;

  constructor(world: Pick<World, 'clock' | 'timers'>, servers: readonly Server[]) {
    this.#world = world;
    this.#servers = servers;
  }

  txn(txn: Txn, timeoutMs: number, done: (result: TxnAnswer | EterneError) => void): void {
    const server = this.#server();
    server.kv.Txn(encodeTxn(txn), new Metadata(), this.#within(timeoutMs), (error, answer) => {
      if (error || answer === undefined) return done(this.#failed(server, error));
      done(decodeTxnAnswer(answer));
    });
  }

  compact(revision: number, done: (error: EterneError | undefined) => void): void {
    const server = this.#server();
    const request = { revision, physical: false };
    server.kv.Compact(request, new Metadata(), this.#within(COMPACT_TIMEOUT_MS), (error) =>
      done(error ? asEterneError(server, error) : undefined),
    );
  }

  watch(keys: readonly string[], changed: () => void): () => void {
    let stream: ClientDuplexStream<unknown, { created: boolean }> | undefined;
    let retry: Timer | undefined;
    let stopped = false;
    const open = (): void => {
      // Without it a server that is cut off from the others would keep silent for ever.
      const metadata = new Metadata();
      metadata.set('hasleader', 'true');
      stream = this.#server().watcher.Watch(metadata);
      for (const key of keys) stream.write({ create_request: { key: Buffer.from(key) } });
      stream.on('data', ({ created }) => {
        if (!created) changed();
      });
      stream.on('error', () => {});
      stream.on('close', () => {
        if (!stopped && !this.#closed) retry = this.#world.timers.after(WATCH_AGAIN_MS, open);
      });
    };
    open();
    return () => {
      stopped = true;
      retry?.cancel();
      stream?.cancel();
    };
  }

  close(): void {
    this.#closed = true;
    for (const { kv, watcher } of this.#servers) {
      kv.close();
      watcher.close();
    }
  }

  #server(): Server {
    const server = this.#servers[this.#current];
    if (server === undefined) throw new EterneError('config', 'etcd has no endpoints');
    return server;
  }

  #within(timeoutMs: number): { deadline: number } {
    return { deadline: this.#world.clock.wallMs() + timeoutMs };
  }

  /** The next one is asked from now on, unless another failure has seen to that. */
  #failed(server: Server, error: ServiceError | null): EterneError {
    if (this.#server() === server) this.#current = (this.#current + 1) % this.#servers.length;
    return asEterneError(server, error);
  }
}

/** gRPC status codes: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
function asEterneError({ endpoint }: Server, error: ServiceError | null): EterneError {
  const message = `etcd at ${endpoint}: ${error?.details ?? 'no answer'}`;
  switch (error?.code) {
    case status.DEADLINE_EXCEEDED:
      return new EterneError('timeout', message);
    case status.PERMISSION_DENIED:
      return new EterneError('forbidden', message);
    case status.UNAUTHENTICATED:
      return new EterneError('unauthorized', message);
    case status.RESOURCE_EXHAUSTED:
      return new EterneError('no-space', message);
    default:
      return new EterneError('unreachable', message);
  }
}
