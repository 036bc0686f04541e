/** The client of a disk process's control socket (`@eterne/disk` process/control.ts). */
import { resolve } from 'node:path';
import { EterneError } from '@eterne/base';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { goesBy } from '@eterne/disk/process/set-status.ts';
import { callHttp } from '@eterne/runtime/node/http.ts';

/** A promotion waits for the I/O of older sessions to leave the store. */
const CALL_TIMEOUT_MS = 60_000;

export interface DiskStatus {
  readonly node: string;
  readonly volumes: readonly VolumeStatus[];
}

export class Control {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Of one volume, which must exist, or of all. */
  async status(volume: string | undefined): Promise<DiskStatus> {
    const status = (await this.#call('GET', '/v1/status', undefined, CALL_TIMEOUT_MS)) as DiskStatus;
    if (volume === undefined) return status;
    const volumes = status.volumes.filter((each) => goesBy(each, volume));
    if (volumes.length === 0)
      throw new EterneError('not-found', `there is no volume ${volume} on node ${status.node}`);
    return { ...status, volumes };
  }

  /** The named volume, or every one; the volumes of a mirror set go by the set's name, once. */
  async names(volume: string | undefined): Promise<readonly string[]> {
    if (volume !== undefined) return [volume];
    const { volumes } = await this.status(undefined);
    return [...new Set(volumes.map(({ mirrorSet, name }) => mirrorSet ?? name))];
  }

  async post(volume: string, verb: string, body: object, timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    await this.#call('POST', `/v1/volumes/${encodeURIComponent(volume)}/${verb}`, body, timeoutMs);
  }

  /** A question: its answer is no status. */
  ask(volume: string, question: string, body: object, timeoutMs = CALL_TIMEOUT_MS): Promise<unknown> {
    return this.#call('POST', `/v1/volumes/${encodeURIComponent(volume)}/${question}`, body, timeoutMs);
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    body: object | undefined,
    timeoutMs: number,
  ): Promise<unknown> {
    const call = { method, path, timeoutMs, ...(body === undefined ? {} : { body }) };
    try {
      return await callHttp(`unix:${resolve(this.#socketPath)}`, call);
    } catch (error) {
      if (error instanceof EterneError && isAbsent(error)) throw this.#absent();
      throw error;
    }
  }

  #absent(): EterneError {
    return new EterneError('unreachable', `no disk process answers on ${this.#socketPath}`, {
      hint: 'start one with `eterne disk run --config FILE`',
    });
  }
}

/** The socket file is not there, or nobody listens on it; errors of the disk process itself have no system error behind them. */
function isAbsent(error: EterneError): boolean {
  return error.cause !== undefined && (error.code === 'not-found' || error.code === 'unreachable');
}
