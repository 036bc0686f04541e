/** A small NBD client written from the protocol text alone: fixed newstyle, simple or structured replies, pipelining. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface NbdReply {
  /** 0 or the protocol's error number. */
  readonly error: number;
  readonly data: Buffer;
}

const OPTION_MAGIC = Buffer.from('IHAVEOPT');

export class NbdClient {
  readonly socket: Socket;
  sizeBytes = 0;
  transmissionFlags = 0;
  #buffer: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #ended = false;
  #cookie = 0n;
  readonly #structured: boolean;
  readonly #waiting = new Map<
    bigint,
    { lengthBytes: number; resolve(reply: NbdReply): void; reject(error: Error): void }
  >();

  private constructor(socket: Socket, structured: boolean) {
    this.socket = socket;
    this.#structured = structured;
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#ended = true;
      this.#wake?.();
    });
  }

  /** Connects and negotiates up to the transmission phase; rejects with the server's words when it refuses. */
  static async open(
    address: { path: string } | { port: number; host: string },
    exportName: string,
    structured = true,
  ): Promise<NbdClient> {
    const socket = connect(address);
    await once(socket, 'connect');
    const client = new NbdClient(socket, structured);
    await client.#negotiate(exportName);
    void client.#receiveReplies();
    return client;
  }

  read(offset: number, lengthBytes: number): Promise<NbdReply> {
    return this.request(0, 0, offset, lengthBytes);
  }

  write(offset: number, data: Buffer, flags = 0): Promise<NbdReply> {
    return this.request(1, flags, offset, data.length, data);
  }

  flush(): Promise<NbdReply> {
    return this.request(3, 0, 0, 0);
  }

  request(
    type: number,
    flags: number,
    offset: number,
    lengthBytes: number,
    payload: Buffer = Buffer.alloc(0),
  ): Promise<NbdReply> {
    const cookie = ++this.#cookie;
    const header = Buffer.alloc(28);
    header.writeUInt32BE(0x25609513, 0);
    header.writeUInt16BE(flags, 4);
    header.writeUInt16BE(type, 6);
    header.writeBigUInt64BE(cookie, 8);
    header.writeBigUInt64BE(BigInt(offset), 16);
    header.writeUInt32BE(lengthBytes, 24);
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error('connection closed'));
      this.#waiting.set(cookie, { lengthBytes: type === 0 ? lengthBytes : 0, resolve, reject });
      this.socket.write(Buffer.concat([header, payload]));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  async #negotiate(exportName: string): Promise<void> {
    await this.#take(18);
    this.socket.write(Buffer.from([0, 0, 0, 3]));
    if (this.#structured) await this.#option(8, Buffer.alloc(0));
    const name = Buffer.from(exportName);
    const go = Buffer.alloc(4 + name.length + 2);
    go.writeUInt32BE(name.length, 0);
    name.copy(go, 4);
    const info = await this.#option(7, go);
    this.sizeBytes = Number(info.readBigUInt64BE(2));
    this.transmissionFlags = info.readUInt16BE(10);
  }

  /** Sends an option and reads its replies up to ACK; resolves with the data of the first one. */
  async #option(option: number, data: Buffer): Promise<Buffer> {
    const header = Buffer.alloc(16);
    OPTION_MAGIC.copy(header);
    header.writeUInt32BE(option, 8);
    header.writeUInt32BE(data.length, 12);
    this.socket.write(Buffer.concat([header, data]));
    let first: Buffer | undefined;
    for (;;) {
      const reply = await this.#take(20);
      const body = await this.#take(reply.readUInt32BE(16));
      const type = reply.readUInt32BE(12);
      if (type === 1) return first ?? body;
      if (type >= 0x80000000) throw new Error(body.toString());
      first ??= body;
    }
  }

  async #receiveReplies(): Promise<void> {
    try {
      for (;;) await this.#receiveReply();
    } catch (error) {
      for (const waiting of this.#waiting.values()) waiting.reject(error as Error);
      this.#waiting.clear();
    }
  }

  async #receiveReply(): Promise<void> {
    const magic = (await this.#take(4)).readUInt32BE(0);
    if (magic === 0x67446698) {
      const rest = await this.#take(12);
      const error = rest.readUInt32BE(0);
      const cookie = rest.readBigUInt64BE(4);
      const lengthBytes = error === 0 ? (this.#waiting.get(cookie)?.lengthBytes ?? 0) : 0;
      return this.#resolve(cookie, { error, data: await this.#take(lengthBytes) });
    }
    if (magic !== 0x668e33ef) throw new Error('bad reply magic');
    const header = await this.#take(16);
    const payload = await this.#take(header.readUInt32BE(12));
    const type = header.readUInt16BE(2);
    const isError = type >= 0x8000;
    const data = isError ? Buffer.alloc(0) : payload.subarray(type === 1 ? 8 : 0);
    this.#resolve(header.readBigUInt64BE(4), { error: isError ? payload.readUInt32BE(0) : 0, data });
  }

  #resolve(cookie: bigint, reply: NbdReply): void {
    const waiting = this.#waiting.get(cookie);
    if (waiting === undefined) throw new Error('reply to nothing');
    this.#waiting.delete(cookie);
    waiting.resolve(reply);
  }

  async #take(lengthBytes: number): Promise<Buffer> {
    while (this.#buffer.length < lengthBytes) {
      if (this.#ended) throw new Error('connection closed');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const taken = this.#buffer.subarray(0, lengthBytes);
    this.#buffer = this.#buffer.subarray(lengthBytes);
    return taken;
  }
}
