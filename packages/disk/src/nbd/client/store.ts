/**
 * An NBD export as a backing store: `nbd+unix:///EXPORT?socket=PATH`. A lost connection is a failed device: nobody knows what became of
 * the writes on it, so nothing is sent again.
 *
 * NBD has no lock: that nobody else writes to the export is up to its server.
 */
import { EterneError, assert } from '@eterne/base';
import {
  inPieces,
  StoreOperations,
  storeError,
  type BlockStore,
  type OpenStoreOptions,
  type StoreDone,
  type Stores,
  type Timer,
  type World,
} from '@eterne/runtime';
import { TRANSMISSION_FLAG } from '../wire.ts';
import { openNbd, type NbdClient, type NbdDone } from './client.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const ZERO_CHUNK = Buffer.alloc(1024 * 1024);

type Ports = Pick<World, 'network' | 'timers'>;

class NbdStore implements BlockStore {
  readonly sizeBytes: number;
  readonly canPunch: boolean;
  readonly #client: NbdClient;
  readonly #name: string;
  readonly #timeoutMs: number;
  readonly #watchdog: Timer;
  readonly #operations: StoreOperations;
  #closing = false;

  constructor(ports: Ports, name: string, client: NbdClient, timeoutMs: number) {
    this.#name = name;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#operations = new StoreOperations(timeoutMs);
    this.sizeBytes = client.sizeBytes;
    this.canPunch = (client.transmissionFlags & TRANSMISSION_FLAG.sendWriteZeroes) !== 0;
    this.#watchdog = ports.timers.every(this.#operations.tickMs, () => this.#failOverdue());
  }

  read(offset: number, into: Buffer, done: StoreDone): void {
    this.#run('read', done, (finished) => this.#client.read(offset, into, finished));
  }

  write(offset: number, from: Buffer, done: StoreDone): void {
    this.#run('write', done, (finished) => this.#client.write(offset, from, false, finished));
  }

  flush(done: StoreDone): void {
    const settle: StoreDone = (error) => {
      // What the server's own flush lost is lost, whatever a second one would say.
      if (error !== undefined) this.#operations.fail({ ...error, kind: 'device' });
      done(this.#operations.failed);
    };
    this.#run('flush', settle, (finished) => this.#client.flush(finished));
  }

  discard(offset: number, lengthBytes: number, done: StoreDone): void {
    this.writeZeroes(offset, lengthBytes, true, done);
  }

  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void {
    if (!this.canPunch)
      return inPieces(
        offset,
        offset + lengthBytes,
        ZERO_CHUNK.length,
        (at, length, next) => this.write(at, ZERO_CHUNK.subarray(0, length), next),
        done,
      );
    this.#run('write zeroes', done, (finished) =>
      this.#client.writeZeroes(offset, lengthBytes, mayPunch, finished),
    );
  }

  close(done: () => void): void {
    assert(!this.#closing, 'a store is closed once');
    this.#closing = true;
    this.#operations.whenIdle(() => {
      this.#watchdog.cancel();
      this.#client.close();
      done();
    });
  }

  /** The connection is over; commands in flight have failed with it. */
  lost(): void {
    this.#operations.fail(storeError(this.#name, 'ESHUTDOWN'));
    this.#watchdog.cancel();
  }

  #run(what: string, done: StoreDone, submit: (finished: NbdDone) => void): void {
    const { failed } = this.#operations;
    if (failed !== undefined) return done(failed);
    const operation = this.#operations.begin(done);
    submit((error) =>
      this.#operations.end(operation, error && storeError(`${what} ${this.#name}`, error.errno)),
    );
  }

  #failOverdue(): void {
    if (!this.#operations.tick()) return;
    this.#operations.giveUp(
      storeError(`${this.#name} has not answered for ${this.#timeoutMs} ms`, 'ETIMEDOUT'),
    );
    this.#client.abandon();
  }
}

export interface OpenNbdStoreOptions extends OpenStoreOptions {
  /** Once, when the connection of an open store ends; every command fails from then on. */
  readonly onLost?: () => void;
}

/** `uri`: as `parseNbdUri` takes it. */
export function openNbdStore(
  ports: Ports,
  uri: string,
  options: OpenNbdStoreOptions,
  done: (result: BlockStore | EterneError) => void,
): void {
  const { readOnly = false, timeoutMs = DEFAULT_TIMEOUT_MS, onLost = () => {} } = options;
  let store: NbdStore | undefined;
  const onClose = (): void => {
    store?.lost();
    if (store !== undefined) onLost();
  };
  openNbd(ports, uri, { timeoutMs, onClose }, (client) => {
    if (client instanceof EterneError) return done(client);
    const lacks = problemWith(client, readOnly);
    if (lacks !== undefined) {
      client.close();
      return done(new EterneError('unsupported', `${uri} ${lacks}`));
    }
    store = new NbdStore(ports, uri, client, timeoutMs);
    done(store);
  });
}

function problemWith({ transmissionFlags }: NbdClient, readOnly: boolean): string | undefined {
  if (readOnly) return undefined;
  if ((transmissionFlags & TRANSMISSION_FLAG.readOnly) !== 0) return 'is read-only';
  return (transmissionFlags & TRANSMISSION_FLAG.sendFlush) === 0 ? 'cannot flush its cache' : undefined;
}

/** `stores`, which also opens NBD URIs. */
export function withNbdStores(world: Ports & Pick<World, 'stores'>): Stores {
  return {
    open(path, options, done) {
      if (/^nbd(\+unix)?:\/\//.test(path)) openNbdStore(world, path, options, done);
      else world.stores.open(path, options, done);
    },
  };
}
