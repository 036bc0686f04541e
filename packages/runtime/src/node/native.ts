/**
 * The system calls that Node.js lacks, through koffi's prebuilt FFI. Each use has a fallback where the kernel says no.
 * Nothing here is called before it is needed: daemons that touch no disk never load the library.
 */
import { createRequire } from 'node:module';
import { constants as os } from 'node:os';
import { assert } from '@eterne/base';

type Fn = ((...args: unknown[]) => number) & { async(...args: unknown[]): void };
interface Koffi {
  load(name: string): { func(prototype: string): Fn };
  errno(): number;
  address(buffer: Buffer): bigint;
}

const RWF_NOWAIT = 8;
const LOCK_EX = 2;
const LOCK_NB = 4;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 16;
const CLOCK_BOOTTIME = 7;
const PR_SET_PDEATHSIG = 1;
const IPPROTO_TCP = 6;
const TCP_THIN_LINEAR_TIMEOUTS = 16;

function bind() {
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const libc = koffi.load('libc.so.6');
  return {
    koffi,
    preadv2: libc.func('int64_t preadv2(int fd, void *iov, int count, int64_t offset, int flags)'),
    flock: libc.func('int flock(int fd, int operation)'),
    fallocate: libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)'),
    lseek: libc.func('int64_t lseek(int fd, int64_t offset, int whence)'),
    clockGettime: libc.func('int clock_gettime(int clock, void *timespec)'),
    prctl: libc.func(
      'int prctl(int option, unsigned long value, unsigned long b, unsigned long c, unsigned long d)',
    ),
    setsockopt: libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
  };
}

let bound: ReturnType<typeof bind> | undefined;
const native = (): ReturnType<typeof bind> => (bound ??= bind());

const timespec = Buffer.alloc(16);

/** CLOCK_BOOTTIME in milliseconds: monotonic and counting suspends (clock_gettime(2)). */
export function bootTimeMs(): number {
  const rc = native().clockGettime(CLOCK_BOOTTIME, timespec);
  assert(rc === 0, 'CLOCK_BOOTTIME exists on every kernel since 2.6.39');
  return Number(timespec.readBigInt64LE(0)) * 1000 + Number(timespec.readBigInt64LE(8)) / 1e6;
}

/** Takes an exclusive whole-file lock without waiting (flock(2)). False when somebody else holds it. */
export function tryLockFile(fd: number): boolean {
  return native().flock(fd, LOCK_EX | LOCK_NB) === 0;
}

/** The kernel kills this process when its parent dies (prctl(2) PR_SET_PDEATHSIG). */
export function dieWithParent(): void {
  native().prctl(PR_SET_PDEATHSIG, os.signals.SIGKILL, 0, 0, 0);
}

const ON = Buffer.from(new Int32Array([1]).buffer);

/**
 * What is lost on a TCP connection that carries little is sent again at even intervals, six times, before they double (tcp(7),
 * `TCP_THIN_LINEAR_TIMEOUTS`): over a lossy line they would be seconds apart after two losses. A kernel without it goes on as before.
 */
export function resendEvenly(fd: number): void {
  native().setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, ON, ON.length);
}

const iovec = Buffer.alloc(16);

/**
 * Reads from the page cache only (preadv2(2) with RWF_NOWAIT): bytes read, perhaps fewer than asked for,
 * or −1 when it would have to wait for the device or the file system cannot tell.
 */
export function readIfCached(fd: number, into: Buffer, offset: number): number {
  const { koffi, preadv2 } = native();
  iovec.writeBigUInt64LE(koffi.address(into), 0);
  iovec.writeBigUInt64LE(BigInt(into.length), 8);
  return preadv2(fd, iovec, 1, offset, RWF_NOWAIT);
}

const PAGE_BYTES = 4096;

/** Uninitialised memory that begins on a page. Memory as it comes from the allocator begins just behind a page's beginning, or just before its end. */
export function pageAligned(lengthBytes: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(lengthBytes + PAGE_BYTES);
  const start = Number(-native().koffi.address(memory) & BigInt(PAGE_BYTES - 1));
  return memory.subarray(start, start + lengthBytes);
}

export type Deallocation = 'punch-hole' | 'zero-range';

/** fallocate(2) off the event loop. `done` gets the errno number, 0 for success. */
export function deallocate(
  fd: number,
  how: Deallocation,
  offset: number,
  lengthBytes: number,
  done: (errno: number) => void,
): void {
  const { koffi, fallocate } = native();
  const mode =
    how === 'punch-hole'
      ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
      : FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
  fallocate.async(fd, mode, offset, lengthBytes, (error: unknown, rc: number) => {
    done(error === null && rc === 0 ? 0 : koffi.errno() || os.errno.EOPNOTSUPP);
  });
}

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const SOCKADDR_LL_BYTES = 20;

function bindPacket() {
  const libc = (createRequire(import.meta.url)('koffi') as Koffi).load('libc.so.6');
  return {
    ifNametoindex: libc.func('unsigned int if_nametoindex(const char *name)'),
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    sendto: libc.func(
      'int64_t sendto(int fd, void *frame, size_t length, int flags, void *address, uint32_t addressLength)',
    ),
    close: libc.func('int close(int fd)'),
  };
}

let packet: ReturnType<typeof bindPacket> | undefined;

/** Sends one whole link-layer frame (packet(7)); needs CAP_NET_RAW. The errno number, 0 for success. */
export function sendLinkFrame(interfaceName: string, frame: Buffer): number {
  const { ifNametoindex, socket, sendto, close } = (packet ??= bindPacket());
  const index = ifNametoindex(interfaceName);
  if (index === 0) return os.errno.ENODEV;
  const fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return native().koffi.errno();
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeInt32LE(index, 4);
  const sent = sendto(fd, frame, frame.length, 0, address, address.length);
  const errno = sent === frame.length ? 0 : native().koffi.errno();
  close(fd);
  return errno;
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/** Data throughout, or a hole. */
export interface Stretch {
  readonly end: number;
  readonly data: boolean;
}

/**
 * Where the stretch that begins at `offset` ends, and whether it is data or a hole (lseek(2)). Undefined where the file system cannot tell.
 * Moves the file position, which nothing here uses.
 */
export function stretchAt(fd: number, offset: number, sizeBytes: number): Stretch | undefined {
  const { koffi, lseek } = native();
  const data = lseek(fd, offset, SEEK_DATA);
  if (data < 0) return koffi.errno() === os.errno.ENXIO ? { end: sizeBytes, data: false } : undefined;
  if (data > offset) return { end: Math.min(data, sizeBytes), data: false };
  const hole = lseek(fd, offset, SEEK_HOLE);
  return hole <= offset ? undefined : { end: Math.min(hole, sizeBytes), data: true };
}

/** As `stretchAt`, off the event loop. Where no data follows there is a hole at `offset` itself. */
export function findStretch(
  fd: number,
  offset: number,
  sizeBytes: number,
  done: (stretch: Stretch | undefined) => void,
): void {
  const { lseek } = native();
  const seek = (whence: number, then: (found: number) => void): void =>
    lseek.async(fd, offset, whence, (_error: unknown, found: number) => then(found));
  seek(SEEK_DATA, (data) => {
    if (data > offset) return done({ end: Math.min(data, sizeBytes), data: false });
    seek(SEEK_HOLE, (hole) => {
      if (data < 0) done(hole === offset ? { end: sizeBytes, data: false } : undefined);
      else done(hole <= offset ? undefined : { end: Math.min(hole, sizeBytes), data: true });
    });
  });
}

/** From linux/watchdog.h; both take seconds. */
const WDIOC_SETTIMEOUT = 0xc0045706;
const WDIOC_GETTIMEOUT = 0x80045707;

function bindIoctl() {
  const libc = (createRequire(import.meta.url)('koffi') as Koffi).load('libc.so.6');
  return libc.func('int ioctl(int fd, unsigned long request, void *argument)');
}

/** What the watchdog keeps to from now on, in milliseconds; undefined: it is none. */
export function setWatchdogTimeout(fd: number, timeoutMs: number): number | undefined {
  const ioctl = bindIoctl();
  const seconds = Buffer.alloc(4);
  seconds.writeInt32LE(Math.ceil(timeoutMs / 1000));
  if (ioctl(fd, WDIOC_SETTIMEOUT, seconds) !== 0) return undefined;
  if (ioctl(fd, WDIOC_GETTIMEOUT, seconds) !== 0) return undefined;
  return seconds.readInt32LE(0) * 1000;
}
