/**
 * The target process: listens on the portals and answers discovery; each target is served by a process of its own (`process/`), which gets the
 * connections of its initiators when their login says where they want to go.
 */
import { fileURLToPath } from 'node:url';
import { EterneError } from '@eterne/base';
import type { Listener, World } from '@eterne/runtime';
import { serveHttp, type HttpReply, type HttpRequest } from '@eterne/runtime/node/http.ts';
import { POOL_THREADS, POOL_THREADS_OF_MANY } from '@eterne/runtime/node/pool-share.ts';
import { startWorker } from '@eterne/runtime/node/worker.ts';
import { answerControl } from './control.ts';
import type { TargetConfig } from './config.ts';
import { groupTargets } from './process/groups.ts';
import { TargetProcess } from './process/target-process.ts';
import { TargetServer } from './target-server.ts';

const WORKER_MODULE = fileURLToPath(new URL('process/worker-main.ts', import.meta.url));

export interface RunningTarget {
  readonly addresses: readonly string[];
  /** Cuts the connections, makes what was written durable, releases the stores. */
  close(): Promise<void>;
}

export async function startTarget(world: World, config: TargetConfig): Promise<RunningTarget> {
  const server = new TargetServer(world);
  const processes = groupTargets(config.targets).map((group) => {
    const threads = group.alone ? POOL_THREADS : POOL_THREADS_OF_MANY;
    return new TargetProcess(group, {
      world,
      startWorker: (handler) => startWorker(WORKER_MODULE, [], handler, threads),
    });
  });
  let control: Listener | undefined;
  const close = async (): Promise<void> => {
    control?.close();
    const ends = [server, ...processes].map((part) => new Promise<void>((resolve) => part.close(resolve)));
    await Promise.all(ends);
  };
  try {
    await Promise.all(processes.map((process) => success((done) => process.start(done))));
    for (const process of processes)
      for (const target of process.group.targets) server.forward(target, process);
    if (config.controlPath !== undefined) control = await serveControl(config.controlPath, server, processes);
    for (const portal of config.portals) await success((done) => server.listen(portal, done));
    for (const process of processes) process.announcePortals(server.addresses);
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: server.addresses, close };
}

/** First of all after the LUNs: the socket also tells a second process of the same configuration that there is one. */
function serveControl(
  path: string,
  server: TargetServer,
  processes: readonly TargetProcess[],
): Promise<Listener> {
  const service = {
    onRequest: (request: HttpRequest, reply: (reply: HttpReply) => void) =>
      answerControl(server, processes, request, reply),
  };
  return result<Listener>((done) => serveHttp(`unix:${path}`, service, done));
}

function result<Value>(start: (done: (result: Value | EterneError) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) =>
    start((value) => (value instanceof EterneError ? reject(value) : resolve(value))),
  );
}

function success(start: (done: (error: EterneError | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) =>
    start((error) => (error === undefined ? resolve() : reject(error))),
  );
}
