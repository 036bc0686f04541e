/** A wire between two nodes that the test can cut, make silent, and listen to. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class TcpRelay {
  carriedBytes = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  #silent = false;
  #tap: ((bytes: Buffer) => void) | undefined;

  /** Answers the address to dial; `toPort` may become known later. */
  async listen(toPort: Promise<number>): Promise<string> {
    this.#server = createServer({ pauseOnConnect: true }, (near) => {
      void toPort.then((port) => {
        const far = connect(port, '127.0.0.1');
        this.#join(near, far);
        this.#join(far, near);
        near.resume();
      });
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Sees everything that passes. */
  tap(see: (bytes: Buffer) => void): void {
    this.#tap = see;
  }

  /** Nothing passes any more, and nobody is told: a pulled cable. */
  goSilent(): void {
    this.#silent = true;
  }

  /** New connections pass again. */
  heal(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#silent = false;
  }

  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (bytes: Buffer) => {
      if (this.#silent) return;
      this.carriedBytes += bytes.length;
      this.#tap?.(bytes);
      if (!to.write(bytes)) from.pause();
    });
    from.on('drain', () => to.resume());
    from.on('error', () => {});
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.#silent) to.destroy();
    });
  }
}
