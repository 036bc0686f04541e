/**
 * What a user without Eterne would put together from QEMU's parts: `qemu-storage-daemon` with the quorum driver over a local
 * file and a second file behind `qemu-nbd` on loopback TCP. Every write goes to both and is answered when both have it
 * (vote-threshold 2); reads come from the first (`read-pattern=fifo`). Buffered files on both sides, as ours.
 *
 * `qemu-nbd` before QEMU 8.1 leaves Nagle's algorithm on, which costs it a 40 ms delayed acknowledgement at every depth above 1. That
 * would make the comparison worthless, so it gets its listening socket from us with TCP_NODELAY set.
 */
import { spawn } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { waitForFile, type Servers } from './processes.ts';

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

interface Koffi {
  load(name: string): {
    func(
      prototype: string,
    ): (fd: number, level: number, option: number, value: Buffer, size: number) => number;
  };
}

/** A listening socket whose accepted connections inherit TCP_NODELAY. */
async function listenWithoutDelay(): Promise<{ server: Server; fd: number; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const setsockopt = koffi
    .load('libc.so.6')
    .func('int setsockopt(int fd, int level, int option, void *value, unsigned int size)');
  const one = Buffer.alloc(4);
  one.writeInt32LE(1);
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, one, one.length) !== 0) throw new Error('TCP_NODELAY refused');
  return { server, fd, port: address.port };
}

async function startRemote(servers: Servers, file: string): Promise<number> {
  const { server, fd, port } = await listenWithoutDelay();
  const options = '--format=raw --cache=writeback --aio=io_uring --persistent --shared=8 --export-name=r';
  // systemd's socket activation protocol: the socket is descriptor 3 of the process that LISTEN_PID names.
  const script = `LISTEN_FDS=1 LISTEN_PID=$$ exec qemu-nbd ${options} "$0"`;
  servers.add(spawn('sh', ['-c', script, file], { stdio: ['ignore', 'ignore', 'inherit', fd] }));
  server.close();
  return port;
}

export async function startQuorum(servers: Servers, folder: string, sizeBytes: number): Promise<string> {
  const files = ['quorum-a.img', 'quorum-b.img'].map((name) => join(folder, name));
  for (const file of files) {
    writeFileSync(file, '');
    truncateSync(file, sizeBytes);
  }
  const [local = '', remote = ''] = files;
  const port = await startRemote(servers, remote);
  const socket = join(folder, 'quorum.sock');
  const nbd = { driver: 'nbd', export: 'r', server: { type: 'inet', host: '127.0.0.1', port: `${port}` } };
  const file = { driver: 'file', filename: local, aio: 'io_uring' };
  const quorum = {
    driver: 'quorum',
    'node-name': 'q0',
    'vote-threshold': 2,
    'read-pattern': 'fifo',
    children: [file, nbd],
  };
  const server = `addr.type=unix,addr.path=${socket}`;
  const volume = 'type=nbd,id=e0,node-name=q0,name=v0,writable=on';
  servers.start('qemu-storage-daemon', [
    '--blockdev',
    JSON.stringify(quorum),
    '--nbd-server',
    server,
    '--export',
    volume,
  ]);
  await waitForFile(socket);
  return `nbd+unix:///v0?socket=${socket}`;
}
