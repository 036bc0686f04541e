/** An address that is moved from one server to another: to clients its connections break, and the next ones arrive elsewhere. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class FloatingAddress {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #target: string | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (client: Socket) => this.#accept(client));
  }

  static async listen(): Promise<FloatingAddress> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FloatingAddress(server);
  }

  /** `127.0.0.1:PORT`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Undefined: nobody has it. */
  moveTo(target: string | undefined): void {
    this.#target = target;
    for (const socket of this.#open) socket.destroy();
  }

  close(): void {
    this.moveTo(undefined);
    this.#server.close();
  }

  #accept(client: Socket): void {
    const [host = '', port = ''] = this.#target?.split(':') ?? [];
    if (this.#target === undefined) return void client.destroy();
    const server = connect(Number(port), host);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from);
      from.on('error', () => {}); // reported by 'close'
      from.on('close', () => {
        this.#open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
