/**
 * The process of one target, or of several that share one: owns their LUNs and the sessions of their initiators, so that a store that hangs, or a
 * broken invariant, takes down that and nothing else. It does what the supervisor says.
 */
import { EterneError, unreachable } from '@eterne/base';
import { toWireError } from '@eterne/disk/process/wire-error.ts';
import type { Stream, World } from '@eterne/runtime';
import { servedStatusOf } from '../control.ts';
import { ONLY_PORT } from '../scsi/ports.ts';
import { LocalTargets } from './local-targets.ts';
import type { FromTargetWorker, LoginNote, ToTargetWorker } from './messages.ts';

export interface TargetWorkerOptions {
  readonly world: World;
  readonly send: (message: FromTargetWorker) => void;
  /** Ends the process, after what was sent has left. */
  readonly exit: () => void;
}

export class TargetWorker {
  readonly #options: TargetWorkerOptions;
  #local: LocalTargets | undefined;

  constructor(options: TargetWorkerOptions) {
    this.#options = options;
  }

  onMessage(message: ToTargetWorker): void {
    const { send, exit } = this.#options;
    switch (message.kind) {
      case 'open':
        return void this.#open(message);
      case 'portals':
        return this.#local?.server.announcePortals(message.addresses);
      case 'ping':
        return send({ kind: 'pong' });
      case 'status':
        if (this.#local !== undefined)
          send({ kind: 'status', id: message.id, status: servedStatusOf(this.#local.server) });
        return;
      case 'close':
        return void (this.#local?.close() ?? Promise.resolve()).then(exit);
      default:
        return unreachable(message);
    }
  }

  onStream({ portal, answered }: LoginNote, stream: Stream): void {
    if (this.#local === undefined) stream.destroy();
    else this.#local.server.admit(stream, { portal, port: ONLY_PORT }, answered);
  }

  async #open({ targets, alone }: Extract<ToTargetWorker, { kind: 'open' }>): Promise<void> {
    const { world, send, exit } = this.#options;
    const local = new LocalTargets(world, alone);
    try {
      await local.open(targets);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      await local.close();
      send({ kind: 'refused', error: toWireError(error) });
      return exit();
    }
    this.#local = local;
    send({ kind: 'opened' });
  }
}
