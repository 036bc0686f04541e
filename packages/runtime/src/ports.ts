/**
 * The doors to the world. Everything above `runtime` reaches time, chance, network, disks and processes only
 * through these interfaces, so that production (`runtime/src/node/`) and the simulator (`sim`) run the same code.
 *
 * Rules common to all of them:
 * - Callbacks, not promises: a simulator can then order every event. A callback is called exactly once.
 * - Unless a port says otherwise, a callback never runs before the call that takes it has returned.
 * - Errors are values handed to the callback; nothing here throws for an operating error.
 */
import type { EterneError } from '@eterne/base';

export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch; may jump. For people and logs only, never for a decision. */
  wallMs(): number;
  /** CLOCK_BOOTTIME in milliseconds with fractions: monotonic, counts suspends. For leases and timeouts. */
  bootMs(): number;
}

export interface Timer {
  cancel(): void;
}

export interface Timers {
  after(delayMs: number, fire: () => void): Timer;
  every(intervalMs: number, fire: () => void): Timer;
  /** Once, after the I/O callbacks of this event-loop turn (`setImmediate`). */
  soon(fire: () => void): void;
  /**
   * Once, when what arrived just now (a chunk of a plain stream) has been handled; `soon` when it is something else that is being
   * handled. The place to batch what one event brings: it costs no round through the event loop.
   */
  afterEvent(fire: () => void): void;
}

export interface Random {
  bytes(lengthBytes: number): Buffer;
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** RFC 9562 version 4. */
  uuid(): string;
}

/** `10.0.0.1:7701`, `[::1]:7701` or `unix:/path/to.sock`. */
export type Address = string;

export interface StreamHandler {
  /** `chunk` is only valid during the call (it is a view of a reused receive slab): copy what must live on. */
  onData(chunk: Buffer): void;
  /**
   * Where the next bytes belong; what is read then lies there already when `onData` shows it. A stream that can asks after each `onData`, and no
   * more than fits is read then. Undefined: anywhere.
   */
  room?(): Buffer | undefined;
  /** Of a stream over several connections, whose pieces overtake each other: the other side has just been heard on one, whether or not there is anything to deliver. */
  onSign?(): void;
  /** The send buffer has fallen below its low-water mark after `write` returned false. */
  onDrain(): void;
  /** Last event of a stream, exactly once, for a clean end too (`error` undefined). */
  onClose(error: EterneError | undefined): void;
}

/** An ordered, reliable byte stream (TCP, TLS or unix socket). */
export interface Stream {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** Bytes accepted by `write` and not yet given to the kernel. */
  readonly bufferedBytes: number;
  /** Installs the handler; data flows only after this. */
  start(handler: StreamHandler): void;
  /**
   * Queues bytes, in order. The stream owns `chunk` until it is sent: the caller must not change it.
   * Returns false when the sender should wait for `onDrain`. Ignored after close.
   */
  write(chunk: Buffer): boolean;
  /** Holds back small writes until `uncork`, so that they leave as one vector. */
  cork(): void;
  uncork(): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Drops everything and closes at once. */
  destroy(): void;
}

export interface Listener {
  /** The bound address (with the real port when 0 was asked for). */
  readonly address: Address;
  close(): void;
}

export interface DatagramSocket {
  readonly address: Address;
  send(to: Address, payload: Buffer): void;
  close(): void;
}

/** Certificate material for TLS 1.3 with both sides authenticated against `caPem`. */
export interface TlsIdentity {
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

export interface ConnectOptions {
  readonly timeoutMs: number;
  readonly localAddress?: string;
  readonly tls?: TlsIdentity;
}

export interface SecureOptions {
  readonly tls: TlsIdentity;
  /** Who speaks first in TLS; unlike in TCP that is for the protocol above to say. */
  readonly side: 'client' | 'server';
  /** The other's certificate must carry this name (common name or DNS name). */
  readonly peerName?: string;
  readonly timeoutMs: number;
}

export interface Network {
  /** `onUnproven`: somebody came who did not prove himself in TLS, and was sent away. */
  listen(
    address: Address,
    onStream: (stream: Stream) => void,
    done: (result: Listener | EterneError) => void,
    tls?: TlsIdentity,
    onUnproven?: () => void,
  ): void;
  connect(address: Address, options: ConnectOptions, done: (result: Stream | EterneError) => void): void;
  /**
   * Goes on in TLS 1.3, both sides authenticated, on a connection that began in clear. `stream` is dead afterwards, whatever comes of it; what was
   * written to it leaves first, and nothing that the other side sent in TLS may have been read from it.
   */
  secure(stream: Stream, options: SecureOptions, done: (result: Stream | EterneError) => void): void;
  datagram(
    bind: Address,
    onMessage: (payload: Buffer, from: Address) => void,
    done: (result: DatagramSocket | EterneError) => void,
  ): void;
}

/** What a failed disk operation was; DESIGN §4 "Errors". */
export type StoreErrorKind = 'sector' | 'logical' | 'device' | 'timeout' | 'reservation-conflict';

export interface StoreError {
  readonly kind: StoreErrorKind;
  /** errno name, e.g. `EIO`. */
  readonly errno: string;
  readonly message: string;
}

export type StoreDone = (error: StoreError | undefined) => void;

/** A stretch of a store that is allocated throughout, or not at all and reads as zeroes. */
export interface Extent {
  readonly lengthBytes: number;
  readonly allocated: boolean;
}

/**
 * A backing store: file, block device or LUN. Offsets and lengths are bytes. **A callback may run before the call
 * returns** (the fast path of a buffered store is synchronous): callers must be ready for both.
 * Completion of `write`/`discard`/`writeZeroes` means "had", perhaps only in a volatile cache; `flush` makes everything completed
 * before it was called durable. Operations in flight at once on overlapping ranges have no defined order.
 * A write is atomic only per 512-byte sector when power fails.
 */
export interface BlockStore {
  /** Grows by `grow`, and never otherwise. */
  readonly sizeBytes: number;
  read(offset: number, into: Buffer, done: StoreDone): void;
  /** Owns `from` until done. */
  write(offset: number, from: Buffer, done: StoreDone): void;
  flush(done: StoreDone): void;
  /** Gives the range back; afterwards it reads as zeroes when `canPunch`, else anything. */
  discard(offset: number, lengthBytes: number, done: StoreDone): void;
  writeZeroes(offset: number, lengthBytes: number, mayPunch: boolean, done: StoreDone): void;
  readonly canPunch: boolean;
  /** The extent that begins at `offset`; absent where the store cannot tell. */
  nextExtent?(offset: number, done: (error: StoreError | undefined, extent: Extent) => void): void;
  /**
   * Makes the store at least this long, durably: a regular file becomes longer, sparse; of a device that was enlarged the new end is
   * noticed. `ENOSPC` where it stays shorter. Absent where the end was learnt at the opening and cannot be asked again.
   */
  grow?(sizeBytes: number, done: StoreDone): void;
  /** Waits for everything in flight, then releases the exclusive lock. */
  close(done: () => void): void;
}

export interface OpenStoreOptions {
  readonly readOnly?: boolean;
  /** Create (sparse) or grow a regular file to this size. Without it the path must exist. */
  readonly createSizeBytes?: number;
  /** After this an operation in flight fails with kind `timeout` and so does all that follows. */
  readonly timeoutMs?: number;
  /** Other stores are served by the same thread: nothing is done in it that could hang with this one. Absent: it may be waited for. */
  readonly shared?: boolean;
  /** Asked when another host has reserved a LUN: false, and it is not taken from it, even where its URI says so. */
  readonly mayPreempt?: () => boolean;
}

export interface Stores {
  /** Opens exclusively (O_EXCL for block devices, lock for files); a mounted or foreign-used one is refused with `busy`. */
  open(path: string, options: OpenStoreOptions, done: (result: BlockStore | EterneError) => void): void;
}

/** Small state files (Raft log, identity, configuration). */
export interface FileHandle {
  readonly sizeBytes: number;
  readAt(offset: number, lengthBytes: number, done: (result: Buffer | EterneError) => void): void;
  writeAt(offset: number, from: Buffer, done: (error: EterneError | undefined) => void): void;
  truncate(sizeBytes: number, done: (error: EterneError | undefined) => void): void;
  /** fdatasync. A failed one is never retried: the caller must treat the file as lost. */
  sync(done: (error: EterneError | undefined) => void): void;
  close(done: () => void): void;
}

export interface Files {
  openFile(path: string, done: (result: FileHandle | EterneError) => void): void;
  /** Undefined when the file does not exist. */
  readFile(path: string, done: (result: Buffer | undefined | EterneError) => void): void;
  /** Write to a temporary name, fsync, rename, fsync the folder: the old or the new content, never a mix. */
  writeFileAtomic(
    path: string,
    content: Buffer,
    mode: number,
    done: (error: EterneError | undefined) => void,
  ): void;
  remove(path: string, done: (error: EterneError | undefined) => void): void;
  list(folder: string, done: (result: readonly string[] | EterneError) => void): void;
  makeFolder(path: string, done: (error: EterneError | undefined) => void): void;
  /** Without symbolic links, `.`, `..` and a slash at its end (realpath(3), which asks nothing of the file itself); undefined when it leads nowhere. */
  realPath(path: string, done: (real: string | undefined) => void): void;
}

export interface SpawnOptions {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly stdin?: string;
  /** Keep at most this much of stdout and stderr each (the newest). */
  readonly captureBytes?: number;
  /** Told what it prints on stdout when it comes, in pieces that end anywhere. */
  readonly onStdout?: (text: string) => void;
  /** Kill the whole process group after this. */
  readonly timeoutMs?: number;
  /** Append stdout and stderr to this file instead of capturing them. */
  readonly logPath?: string;
  /** Own session and process group, outliving us; otherwise the kernel kills it when we die. */
  readonly detached?: boolean;
}

export interface ProcessExit {
  /** Null when killed by a signal or never started. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Set when the program could not be started at all. */
  readonly startError?: EterneError;
}

export interface ChildHandle {
  readonly pid: number | undefined;
  /** With `pid` its identity, also when it has ended meanwhile; undefined when it never started. */
  readonly startTime: string | undefined;
  /** Signals the child's whole process group. */
  kill(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

export interface Processes {
  spawn(options: SpawnOptions, onExit: (exit: ProcessExit) => void): ChildHandle;
  /** Does a process with this pid and this start time (see `startTime`) exist? */
  alive(pid: number, startTime: string): boolean;
  /** Kernel start time of a pid, which together with the pid is unique until reboot; undefined when gone. */
  startTime(pid: number): string | undefined;
  killGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void;
  /** For how much of its life its first thread was ready to run and had no processor; undefined where the system does not say. */
  waitedForProcessorMs(pid: number): number | undefined;
}

/**
 * Whole families of processes, also of those who left their group and session (daemons): every one of a family carries the same `mark`,
 * a `NAME=value` in the environment it was started with.
 */
export interface ProcessTrees {
  /**
   * SIGKILLs every living process with this mark, and what descends from one, whether or not it shows the mark itself: a program may write over its
   * environment. Returns how many there were; 0: none is left. What has lost its parent and does not show the mark is known only to who killed that
   * parent by this.
   */
  killMarked(mark: string): number;
}

/** Who keeps a file system from being unmounted: by an open file, a working directory, a program or a library of it. */
export interface DirectoryUsers {
  /** Processes that use something in `directory` or below it; at most 64. */
  usersOf(directory: string): readonly DirectoryUser[];
  /** SIGKILLs them, and returns whom. */
  killUsersOf(directory: string): readonly DirectoryUser[];
}

export interface DirectoryUser {
  readonly pid: number;
  /** For people. */
  readonly name: string;
}

/** Link-layer frames, for announcing an address to the neighbours (AF_PACKET; needs CAP_NET_RAW). */
export interface FrameSender {
  /** `build` gets the interface's own link-layer address, 6 bytes. The error says why nothing was sent. */
  send(interfaceName: string, build: (mac: Buffer) => Buffer): EterneError | undefined;
}

/** The network interfaces of this machine (of this network namespace). */
export interface Interfaces {
  /** Those that are up, have a carrier and an address → their addresses. Cheap; which of the three one lacks it does not tell. */
  running(): ReadonlyMap<string, readonly string[]>;
}

/** File systems, as statfs(2) tells of them. */
export interface FileSystems {
  /** `BLOCKS FREE AVAILABLE ENTRIES FREE-ENTRIES` of the one that `path` is on, as stat(1) says it. It may hang as the file system may. */
  room(path: string, done: (said: string | EterneError) => void): void;
}

/** All doors together; what a component is given at its start. */
export interface World {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly network: Network;
  readonly stores: Stores;
  readonly files: Files;
  readonly processes: Processes;
  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}
