/** The disk process put together: `eterne disk run`, and the disk daemon of a cluster node. */
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import type { Address, Listener, TlsIdentity, World } from '@eterne/runtime';
import { serveHttp } from '@eterne/runtime/node/http.ts';
import { startWorker } from '@eterne/runtime/node/worker.ts';
import type { VolumeSpec } from './config.ts';
import { DiskControl } from './control.ts';
import { DiskProcess } from './disk-process.ts';
import { DISK_PORT_PROTOCOL } from './port-messages.ts';
import { DiskPortServer } from './port-server.ts';
import type { ArbiterKind } from './worker-messages.ts';

const WORKER_MODULE = fileURLToPath(new URL('worker-main.ts', import.meta.url));

export interface RunOptions {
  readonly node: string;
  /** Unix socket: HTTP/JSON, and `DiskPort` by upgrade. */
  readonly controlPath: string;
  /** One per path; none: nobody is let in. */
  readonly replicationListen: readonly Address[];
  /** Opened before `done`. Under a cluster there are none: they come by `ensureVolume`. */
  readonly volumes: readonly VolumeSpec[];
  readonly arbiter: ArbiterKind;
  /** Entry point of the volumes' workers, where it knows more front ends than this package. */
  readonly workerModule?: string;
  /** Flags of the workers' Node.js, where they are not this process's own. */
  readonly workerFlags?: readonly string[];
  /** Of this node, for links with peers; absent: they are in clear. */
  readonly tls?: TlsIdentity | undefined;
}

export interface RunningDisk {
  readonly disk: DiskProcess;
  /** Bound, with the real port when 0 was asked for. */
  readonly replicationAddresses: readonly Address[];
  /** Clean end: control socket first, then every volume closed. */
  stop(done: () => void): void;
}

/**
 * Starts in this order: control socket (which also keeps a second disk process out), volumes, replication acceptor. When one of
 * them fails, what was started is stopped and the error handed over.
 */
export function startDisk(
  world: World,
  options: RunOptions,
  done: (result: RunningDisk | EterneError) => void,
): void {
  const { workerModule = WORKER_MODULE, workerFlags } = options;
  const disk = new DiskProcess({
    world,
    arbiter: options.arbiter,
    tls: options.tls,
    startWorker: (handler) => startWorker(workerModule, [], handler, undefined, workerFlags),
  });
  const ports = new DiskPortServer(disk, world.timers);
  const control = new DiskControl(options.node, disk, world.timers, options.arbiter);
  const service = {
    onRequest: control.onRequest.bind(control),
    onUpgrade: (protocol: string, stream: Parameters<DiskPortServer['accept']>[0]) =>
      protocol === DISK_PORT_PROTOCOL ? ports.accept(stream) : stream.destroy(),
  };
  serveHttp(`unix:${options.controlPath}`, service, (listener) => {
    if (listener instanceof EterneError) return done(listener);
    const stop = (stopped: () => void): void => stopAll(listener, ports, disk, stopped);
    startVolumesAndAcceptor(disk, options, (result) => {
      if (result instanceof EterneError) return stop(() => done(result));
      done({ disk, replicationAddresses: result, stop });
    });
  });
}

function startVolumesAndAcceptor(
  disk: DiskProcess,
  { volumes, replicationListen }: RunOptions,
  done: (result: readonly Address[] | EterneError) => void,
): void {
  openAll(disk, volumes, (error) => {
    if (error !== undefined) return done(error);
    if (replicationListen.length === 0) return done([]);
    disk.listenForPeers(replicationListen, done);
  });
}

/** All at once; the first error, after all have been tried. */
function openAll(
  disk: DiskProcess,
  volumes: readonly VolumeSpec[],
  done: (error: EterneError | undefined) => void,
): void {
  let left = volumes.length;
  let first: EterneError | undefined;
  if (left === 0) return done(undefined);
  for (const spec of volumes)
    disk.ensureVolume(spec, undefined, (error) => {
      first ??= error;
      left -= 1;
      if (left === 0) done(first);
    });
}

function stopAll(control: Listener, ports: DiskPortServer, disk: DiskProcess, done: () => void): void {
  control.close();
  ports.close();
  disk.closeAll(done);
}

/** Runs until SIGTERM or SIGINT, then resolves after a clean end. Rejects when it cannot start. */
export function runDiskProcess(
  world: World,
  options: RunOptions,
  onReady: (running: RunningDisk) => void = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    startDisk(world, options, (running) => {
      if (running instanceof EterneError) return reject(running);
      let stopping = false;
      const stop = (): void => {
        if (stopping) return;
        stopping = true;
        running.stop(resolve);
      };
      process.on('SIGTERM', stop);
      process.on('SIGINT', stop);
      onReady(running);
    });
  });
}
