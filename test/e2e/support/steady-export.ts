/**
 * One NBD export that outlives its servers: a client that knows no reconnecting (fio) keeps its connection here, while behind it the
 * primary is killed and another takes over. Commands that a lost connection left unanswered are asked again of whoever serves next.
 */
import { EterneError } from '@eterne/base';
import { ByteDevice } from '@eterne/disk/nbd/byte-device.ts';
import { openNbd, type NbdClient, type NbdDone } from '@eterne/disk/nbd/client/client.ts';
import { NbdServer } from '@eterne/disk/nbd/server.ts';
import type { BlockDevice, DeviceDone } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';

const RETRY_MS = 20;
const CONNECT_TIMEOUT_MS = 2000;

type Operation = (client: NbdClient, done: NbdDone) => void;

export class SteadyExport {
  readonly #world = { ...createNodeWorld('test'), log: () => {} };
  readonly #uris: readonly string[];
  readonly #waiting: (() => void)[] = [];
  #client: NbdClient | undefined;
  /** Where that is connected. */
  #uri = '';
  #server: NbdServer | undefined;
  #next = 0;
  #closed = false;
  /** Connections that ended under commands. */
  reconnects = 0;
  /** Commands that a server answered with an error. */
  readonly refusals: string[] = [];

  /** `uris`: where the export may be; only the primary opens it. */
  constructor(uris: readonly string[]) {
    this.#uris = uris;
  }

  /** Resolves once it listens on the unix socket `path`. */
  listen(path: string, sizeBytes: number): Promise<void> {
    this.#dial();
    return new Promise((resolve, reject) => {
      NbdServer.listen(this.#world, `unix:${path}`, 'v0', (server) => {
        if (server instanceof EterneError) return reject(server);
        this.#server = server;
        server.serve(new ByteDevice(this.#device(sizeBytes)));
        resolve();
      });
    });
  }

  /** What is asked now goes there. */
  isServedBy(uri: string): boolean {
    return this.#client !== undefined && this.#uri === uri;
  }

  close(): void {
    this.#closed = true;
    this.#server?.close();
    this.#client?.close();
  }

  #device(sizeBytes: number): BlockDevice {
    return {
      name: 'v0',
      sizeBytes,
      readOnly: false,
      term: 1,
      read: (offset, lengthBytes, done) => {
        const data = Buffer.allocUnsafe(lengthBytes);
        this.#run(
          (client, end) => client.read(offset, data, end),
          (error) => done(error, data),
        );
      },
      write: (offset, data, fua, done) =>
        this.#run((client, end) => client.write(offset, data, fua, end), done),
      flush: (done) => this.#run((client, end) => client.flush(end), done),
      discard: (offset, lengthBytes, done) =>
        this.#run((client, end) => client.trim(offset, lengthBytes, end), done),
      writeZeroes: (offset, lengthBytes, _mayPunch, fua, done) =>
        this.#run((client, end) => client.write(offset, Buffer.alloc(lengthBytes), fua, end), done),
    };
  }

  #run(operation: Operation, done: DeviceDone): void {
    const again = (): void => this.#run(operation, done);
    if (this.#client === undefined) return void this.#waiting.push(again);
    operation(this.#client, (error) => {
      if (error === undefined) return done(undefined);
      if (error.errno === 'ESHUTDOWN') {
        this.#client = undefined;
        this.#waiting.push(again);
        return;
      }
      this.refusals.push(error.message);
      done('EIO');
    });
  }

  #dial(): void {
    const uri = this.#uris[this.#next++ % this.#uris.length] ?? '';
    const onClose = (): void => this.#lost();
    openNbd(this.#world, uri, { timeoutMs: CONNECT_TIMEOUT_MS, onClose }, (client) => {
      if (this.#closed) return;
      if (client instanceof EterneError) return void this.#world.timers.after(RETRY_MS, () => this.#dial());
      this.#client = client;
      this.#uri = uri;
      for (const start of this.#waiting.splice(0)) start();
    });
  }

  #lost(): void {
    this.#client = undefined;
    this.reconnects += 1;
    if (!this.#closed) this.#dial();
  }
}
