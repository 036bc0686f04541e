/** The target process: opens the LUNs, listens on the portals, and ends cleanly. */
import { EterneError } from '@eterne/base';
import { BufferSlabs } from '@eterne/disk/engine/buffer-slabs.ts';
import type { Listener, World } from '@eterne/runtime';
import { serveHttp, type HttpReply, type HttpRequest } from '@eterne/runtime/node/http.ts';
import { answerControl } from './control.ts';
import type { TargetConfig } from './config.ts';
import { openLun, type OpenLun } from './lun/open-lun.ts';
import { ScsiTarget } from './scsi/scsi-target.ts';
import { TargetServer } from './target-server.ts';

export interface RunningTarget {
  readonly addresses: readonly string[];
  /** Cuts the connections, makes what was written durable, releases the stores. */
  close(): Promise<void>;
}

export async function startTarget(world: World, config: TargetConfig): Promise<RunningTarget> {
  const memory = new BufferSlabs();
  const server = new TargetServer(world, memory);
  const open: OpenLun[] = [];
  let control: Listener | undefined;
  const close = (): Promise<void> => {
    control?.close();
    return closeAll(server, open);
  };
  try {
    for (const { iqn, luns, initiators, chap } of config.targets) {
      const units = [];
      for (const lun of luns) {
        const opened = await result<OpenLun>((done) => openLun(world, memory, iqn, lun, done));
        open.push(opened);
        units.push(opened.unit);
      }
      server.serve({ scsi: new ScsiTarget(iqn, units), initiators, chap });
    }
    if (config.controlPath !== undefined) control = await serveControl(config.controlPath, server);
    for (const portal of config.portals) await success((done) => server.listen(portal, done));
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: server.addresses, close };
}

/** First of all after the LUNs: the socket also tells a second process of the same configuration that there is one. */
function serveControl(path: string, server: TargetServer): Promise<Listener> {
  const service = {
    onRequest: (request: HttpRequest, reply: (reply: HttpReply) => void) =>
      answerControl(server, request, reply),
  };
  return result<Listener>((done) => serveHttp(`unix:${path}`, service, done));
}

async function closeAll(server: TargetServer, open: readonly OpenLun[]): Promise<void> {
  await new Promise<void>((resolve) => server.close(resolve));
  for (const { store, unit, journal } of open) {
    await new Promise<void>((resolve) =>
      unit.sanitizer === undefined ? resolve() : unit.sanitizer.close(resolve),
    );
    await new Promise<void>((resolve) => journal.close(resolve));
    if (!unit.device.readOnly) await new Promise<void>((resolve) => store.flush(() => resolve()));
    await new Promise<void>((resolve) => store.close(resolve));
  }
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
