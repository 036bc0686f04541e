/** The monitor as the service sees it, over its unix socket. A call that finds the monitor being restarted waits for it. */
import type { EterneError } from '@eterne/base';
import { fenceOrderMs, type FenceOrder, type FenceResult } from '../fencing/order.ts';
import { LinkClient, type LinkWorld } from '../node/link.ts';
import type {
  ActionResult,
  DrillOrder,
  MonitorPort,
  ResourceReport,
  ResourceSpec,
  ResourceState,
  WatchOrder,
} from '../ports.ts';
import type { FenceDevice } from '../state/model.ts';
import type { Trouble } from '../state/watch.ts';
import { failed } from './agents/agent.ts';
import { PING_TIMEOUT_MS } from './ping.ts';
import type { ToMonitor } from './server.ts';

/** The monitor keeps to the action's own timeout; beyond this much more it does not answer at all. */
const ANSWER_SLACK_MS = 2000;
const PROBE_TIMEOUT_MS = 2000;
const KILL_TIMEOUT_MS = 5000;

export class MonitorClient implements MonitorPort {
  readonly #link: LinkClient;
  readonly #listeners: ((reports: readonly ResourceReport[]) => void)[] = [];
  readonly #troubleListeners: ((troubles: readonly Trouble[]) => void)[] = [];

  constructor(world: LinkWorld, address: string) {
    this.#link = new LinkClient(world, address, {
      onUp: () => {},
      onDown: () => {},
      onNote: (name, body) => {
        if (name === 'troubles')
          for (const listener of this.#troubleListeners) listener(body as readonly Trouble[]);
        else for (const listener of this.#listeners) listener(body as readonly ResourceReport[]);
      },
    });
    this.#link.open();
  }

  get isUp(): boolean {
    return this.#link.isUp;
  }

  start(spec: ResourceSpec, epoch: number, timeoutMs: number, done: (result: ActionResult) => void): void {
    this.#act({ call: 'start', spec, epoch, timeoutMs }, timeoutMs, done);
  }

  stop(spec: ResourceSpec, timeoutMs: number, done: (result: ActionResult) => void): void {
    this.#act({ call: 'stop', spec, timeoutMs }, timeoutMs, done);
  }

  probe(spec: ResourceSpec, done: (state: ResourceState) => void): void {
    this.#call({ call: 'probe', spec }, PROBE_TIMEOUT_MS, (state, error) =>
      done(error ? 'unknown' : (state as ResourceState)),
    );
  }

  find(spec: ResourceSpec, timeoutMs: number, done: (isHere: boolean | undefined) => void): void {
    this.#call({ call: 'find', spec, timeoutMs }, timeoutMs + ANSWER_SLACK_MS, (isHere, error) =>
      done(error === undefined ? ((isHere as boolean | null) ?? undefined) : undefined),
    );
  }

  kill(group: string, done: (error: EterneError | undefined) => void): void {
    this.#call({ call: 'kill', group }, KILL_TIMEOUT_MS, (_ok, error) => done(error));
  }

  fence(order: FenceOrder, done: (result: FenceResult) => void): void {
    this.#call({ call: 'fence', order }, fenceOrderMs(order) + ANSWER_SLACK_MS, (result, error) =>
      done(error ? { confirmed: false, reason: error.message } : (result as FenceResult)),
    );
  }

  ping(addresses: readonly string[], done: (reached: boolean) => void): void {
    this.#call({ call: 'ping-addresses', addresses }, PING_TIMEOUT_MS + ANSWER_SLACK_MS, (reached, error) =>
      done(error === undefined && reached === true),
    );
  }

  checkFence(device: FenceDevice, done: (trouble: string | undefined) => void): void {
    const METADATA_AND_CHECK = 2;
    const timeoutMs = METADATA_AND_CHECK * device.timeoutMs + ANSWER_SLACK_MS;
    this.#call({ call: 'check-fence', device }, timeoutMs, (trouble, error) =>
      done(error ? error.message : ((trouble as string | null) ?? undefined)),
    );
  }

  drill(order: DrillOrder, done: (records: number | EterneError) => void): void {
    this.#call({ call: 'drill', order }, KILL_TIMEOUT_MS, (records, error) =>
      done(error ?? (records as number)),
    );
  }

  watch(order: WatchOrder, done: (error: EterneError | undefined) => void): void {
    this.#call({ call: 'watch', order }, PROBE_TIMEOUT_MS, (_ok, error) => done(error));
  }

  onTroubles(listener: (troubles: readonly Trouble[]) => void): void {
    this.#troubleListeners.push(listener);
  }

  onReport(listener: (reports: readonly ResourceReport[]) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#link.close();
  }

  #act(message: ToMonitor, timeoutMs: number, done: (result: ActionResult) => void): void {
    this.#call(message, timeoutMs + ANSWER_SLACK_MS, (result, error) =>
      done(error ? { ...failed(error.message), lost: true } : (result as ActionResult)),
    );
  }

  #call(
    message: ToMonitor,
    timeoutMs: number,
    answer: (result: unknown, error: EterneError | undefined) => void,
  ): void {
    this.#link.call(message.call, message, timeoutMs, answer);
  }
}
