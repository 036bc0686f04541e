/** The cluster's end of `DiskPort` (`port-messages.ts`). */
import { EterneError } from '@eterne/base';
import { JsonLink, type Address, type Stream, type Timers, type World } from '@eterne/runtime';
import { upgradeHttp } from '@eterne/runtime/node/http.ts';
import type { Grant, PromoteRequest, SetAnswer, SetProposal, VolumeStatus } from '../engine/api.ts';
import type { VolumeSpec } from './config.ts';
import type { DiskPort } from './port.ts';
import {
  DISK_PORT_PROTOCOL,
  type ClientBodies,
  type ProposalNote,
  type StatusNote,
} from './port-messages.ts';
import type { CallDone } from './volume-process.ts';
import type { Lease, ReplicaCall } from './worker-messages.ts';

const CONNECT_TIMEOUT_MS = 2_000;
/** Opening a volume reads its metadata, a promotion waits for the I/O of older sessions; beyond this the caller asks again. */
const CALL_TIMEOUT_MS = 30_000;
/** An image is as large as its volume, and a device that zeroes by writing takes its time. */
const LONGEST_CALL_MS = 24 * 3_600_000;
/** Tools look at a whole file system, on both sides. */
const EXPLAIN_TIMEOUT_MS = 600_000;

type Done = (error: EterneError | undefined) => void;

/** `controlPath` is the disk process's control socket. */
export function connectDiskPort(
  world: Pick<World, 'timers'>,
  controlPath: string,
  done: (result: DiskPort | EterneError) => void,
): void {
  upgradeHttp(`unix:${controlPath}`, DISK_PORT_PROTOCOL, CONNECT_TIMEOUT_MS, (stream) =>
    done(stream instanceof EterneError ? stream : new DiskPortClient(stream, world.timers)),
  );
}

class DiskPortClient implements DiskPort {
  readonly #link: JsonLink;
  readonly #statusListeners: ((volumes: readonly VolumeStatus[]) => void)[] = [];
  readonly #closeListeners: (() => void)[] = [];
  #proposalListener: ((proposal: SetProposal, answer: (answer: SetAnswer) => void) => void) | undefined;
  #lastStatus: readonly VolumeStatus[] | undefined;
  #closed = false;

  constructor(stream: Stream, timers: Timers) {
    this.#link = new JsonLink(stream, timers, {
      onCall: (name, _body, reply) => reply({ error: new EterneError('protocol', `no such call: ${name}`) }),
      onNote: (name, body) => this.#note(name, body),
      onClose: () => this.#ended(),
    });
  }

  ensureVolume(spec: VolumeSpec, committed: Grant | undefined, done: Done): void {
    this.#call('ensure-volume', { spec, committed }, done);
  }

  removeVolume(name: string, done: Done): void {
    this.#call('remove-volume', { name }, done);
  }

  promote(name: string, request: PromoteRequest, done: Done): void {
    this.#call('promote', { name, request }, done);
  }

  demote(name: string, done: Done): void {
    this.#call('demote', { name }, done);
  }

  ask(name: string, call: ReplicaCall, done: CallDone): void {
    const body: ClientBodies['ask'] = { name, call };
    this.#link.call('ask', body, timeoutOf(call), (result, error) => done(error, result));
  }

  setLease(name: string, lease: Lease): void {
    this.#send('lease', { name, lease });
  }

  listenAt(addresses: readonly Address[]): void {
    this.#send('listen', { addresses });
  }

  onStatus(listener: (volumes: readonly VolumeStatus[]) => void): void {
    this.#statusListeners.push(listener);
    if (this.#lastStatus !== undefined) listener(this.#lastStatus);
  }

  onProposal(listener: (proposal: SetProposal, answer: (answer: SetAnswer) => void) => void): void {
    this.#proposalListener = listener;
    this.#send('arbitrate', {});
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  close(): void {
    this.#link.close();
  }

  #call<Name extends keyof ClientBodies>(name: Name, body: ClientBodies[Name], done: Done): void {
    this.#link.call(name, body, CALL_TIMEOUT_MS, (_result, error) => done(error));
  }

  #send<Name extends keyof ClientBodies>(name: Name, body: ClientBodies[Name]): void {
    this.#link.note(name, body);
  }

  #note(name: string, body: unknown): void {
    if (name === 'status') {
      this.#lastStatus = (body as StatusNote).volumes;
      for (const listener of this.#statusListeners) listener(this.#lastStatus);
    } else if (name === 'proposal') {
      const { id, proposal } = body as ProposalNote;
      this.#proposalListener?.(proposal, (answer) => this.#send('verdict', { id, answer }));
    }
  }

  #ended(): void {
    this.#closed = true;
    for (const listener of this.#closeListeners) listener();
  }
}

function timeoutOf(call: ReplicaCall): number {
  if (call.verb === 'explain-split-brain') return EXPLAIN_TIMEOUT_MS;
  const isLong = call.verb === 'resize' || (call.verb === 'rescue' && call.action.kind === 'export');
  return isLong ? LONGEST_CALL_MS : CALL_TIMEOUT_MS;
}
