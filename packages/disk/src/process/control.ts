/**
 * The control socket's HTTP interface (docs/reference/disk.md), used by `eterne disk VERB`:
 * ```
 *   GET  /v1/status                               {"node","volumes":[…]}
 *   GET  /v1/processes                            {"volumes":[{"name","pid","exports"}]}
 *   POST /v1/volumes/NAME/promote                 {"force"?:bool} | {"whileCopied"?:bool}
 *   POST /v1/volumes/NAME/demote
 *   POST /v1/volumes/NAME/connect | disconnect    {"peer"?}     without one: all peers
 *   POST /v1/volumes/NAME/resolve                 {"discard":"local|remote","peer"?}
 *   POST /v1/volumes/NAME/verify                  {"peer"?,"fast":bool,"repair":bool}     begins; its end shows in the status
 *   POST /v1/volumes/NAME/resync                  {"peer"?}     begins to copy what is marked
 *   POST /v1/volumes/NAME/invalidate              have everything copied to this replica
 *   POST /v1/volumes/NAME/resize                  {"sizeBytes"}        on the primary: all replicas grow
 *   POST /v1/volumes/NAME/attach                  {"replaced":bool}    the failed or detached disk is there again
 *   POST /v1/volumes/NAME/detach                  give the data device back
 *   POST /v1/volumes/NAME/wait                    {"for","timeoutMs"}
 * ```
 * Each POST answers the volume's status after it; `questions.ts` has those that answer something else. Errors: `{"error":{"code","message","hint"?}}`.
 */
import { EterneError } from '@eterne/base';
import type { Timers } from '@eterne/runtime';
import { errorReply, type HttpReply, type HttpRequest } from '@eterne/runtime/node/http.ts';
import * as z from 'zod';
import type { VolumeStatus } from '../engine/api.ts';
import type { DiskProcess } from './disk-process.ts';
import { questionOf } from './questions.ts';
import { goesBy } from './set-status.ts';
import { WAIT_GOALS, hasReached, type WaitGoal } from './wait.ts';
import type { ArbiterKind, VolumeCall } from './worker-messages.ts';

const WAIT_LONGEST_MS = 24 * 3_600_000;
const MAX_WAITS = 256;
/** A worker whose store hangs must not hang the status that would show it. */
const REFRESH_TIMEOUT_MS = 1_000;

const bodies = {
  promote: z
    .strictObject({ force: z.boolean().default(false), whileCopied: z.boolean().default(false) })
    .refine(({ force, whileCopied }) => !force || !whileCopied, {
      error: 'force gives up what is missing here, whileCopied reads it from the source: say one of them',
    })
    .prefault({}),
  demote: z.strictObject({}).prefault({}),
  connect: z.strictObject({ peer: z.string().optional() }).prefault({}),
  disconnect: z.strictObject({ peer: z.string().optional() }).prefault({}),
  resolve: z.strictObject({ discard: z.enum(['local', 'remote']), peer: z.string().optional() }),
  verify: z
    .strictObject({
      peer: z.string().optional(),
      fast: z.boolean().default(false),
      repair: z.boolean().default(false),
    })
    .prefault({}),
  resync: z.strictObject({ peer: z.string().optional() }).prefault({}),
  attach: z.strictObject({ replaced: z.boolean().default(false) }).prefault({}),
  detach: z.strictObject({}).prefault({}),
  invalidate: z.strictObject({}).prefault({}),
  resize: z.strictObject({ sizeBytes: z.int().min(1) }),
  wait: z.strictObject({ for: z.enum(WAIT_GOALS), timeoutMs: z.number().min(0).max(WAIT_LONGEST_MS) }),
};
type Verb = keyof typeof bodies;
/** What concerns this node's copy alone, or what the replicas agree on by themselves: the cluster leaves it to the operator. */
const OF_THIS_NODE: readonly Verb[] = ['wait', 'verify', 'attach', 'detach', 'resize'];

const isVerb = (text: string): text is Verb => Object.hasOwn(bodies, text);

type Done = (error: EterneError | undefined) => void;
type Reply = (reply: HttpReply) => void;

interface Wait {
  readonly volume: string;
  readonly goal: WaitGoal;
  finish(error: EterneError | undefined): void;
}

export class DiskControl {
  readonly #node: string;
  readonly #disk: DiskProcess;
  readonly #timers: Timers;
  readonly #arbiter: ArbiterKind;
  readonly #waits = new Set<Wait>();

  constructor(node: string, disk: DiskProcess, timers: Timers, arbiter: ArbiterKind) {
    this.#node = node;
    this.#disk = disk;
    this.#timers = timers;
    this.#arbiter = arbiter;
    disk.onStatus((volumes) => this.#checkWaits(volumes));
  }

  onRequest(request: HttpRequest, reply: Reply): void {
    const [, version, kind, volume, verb, ...more] = request.path.split('/');
    if (version !== 'v1' || more.length > 0) return reply(notFound(request));
    if (request.method === 'GET' && kind === 'status' && volume === undefined) return this.#status(reply);
    if (request.method === 'GET' && kind === 'processes' && volume === undefined)
      return reply({ status: 200, body: { volumes: this.#disk.processes() } });
    if (request.method !== 'POST' || kind !== 'volumes' || volume === undefined || verb === undefined)
      return reply(notFound(request));
    const question = questionOf(verb, request.body);
    if (question instanceof EterneError) return reply(errorReply(question));
    if (question !== undefined) return this.#ask(volume, aboutVolume(question, volume), reply);
    if (!isVerb(verb)) return reply(notFound(request));
    this.#post(volume, verb, request.body, (error) =>
      error === undefined ? this.#volumeStatus(volume, reply) : reply(errorReply(error)),
    );
  }

  /** Counters move without an event: each worker is asked for fresh ones; one that does not answer is shown as last known. */
  #status(reply: Reply): void {
    const { names } = this.#disk;
    let left = names.length;
    const finish = (): void => {
      if (left < 0) return;
      left = -1;
      timer.cancel();
      reply({ status: 200, body: { node: this.#node, volumes: this.#disk.statuses } });
    };
    const timer = this.#timers.after(REFRESH_TIMEOUT_MS, finish);
    if (left === 0) return finish();
    for (const name of names)
      this.#disk.call(name, { verb: 'refresh' }, () => {
        left -= 1;
        if (left === 0) finish();
      });
  }

  #ask(volume: string, question: VolumeCall, reply: Reply): void {
    this.#disk.call(volume, question, (error, result) =>
      reply(error === undefined ? { status: 200, body: result } : errorReply(error)),
    );
  }

  #volumeStatus(volume: string, reply: Reply): void {
    const status = this.#disk.statuses.find((each) => goesBy(each, volume));
    if (status === undefined)
      return reply(errorReply(new EterneError('not-found', `volume ${volume} is gone`)));
    reply({ status: 200, body: status });
  }

  #post(volume: string, verb: Verb, body: unknown, done: Done): void {
    const parsed = bodies[verb].safeParse(body);
    if (!parsed.success)
      return done(new EterneError('usage', `${verb}: ${parsed.error.issues[0]?.message ?? 'wrong body'}`));
    if (this.#arbiter === 'cluster' && !OF_THIS_NODE.includes(verb)) return done(managedByCluster(volume));
    switch (verb) {
      case 'promote': {
        const request = parsed.data as z.output<typeof bodies.promote>;
        return this.#disk.call(volume, { verb, request }, done);
      }
      case 'demote':
        return this.#disk.call(volume, { verb }, done);
      case 'connect':
      case 'disconnect':
        return this.#eachPeer(volume, verb, (parsed.data as z.output<typeof bodies.connect>).peer, done);
      case 'resolve': {
        const { discard, peer } = parsed.data as z.output<typeof bodies.resolve>;
        return this.#disk.call(volume, { verb, peer, discard }, done);
      }
      case 'verify': {
        const { peer, ...request } = parsed.data as z.output<typeof bodies.verify>;
        return this.#disk.call(volume, { verb, request: { ...request, ...peerIfNamed(peer) } }, done);
      }
      case 'resync': {
        const { peer } = parsed.data as z.output<typeof bodies.resync>;
        return this.#disk.call(volume, { verb, ...peerIfNamed(peer) }, done);
      }
      case 'attach':
        return this.#disk.call(
          volume,
          { verb, request: parsed.data as z.output<typeof bodies.attach> },
          done,
        );
      case 'detach':
        return this.#disk.call(volume, { verb }, done);
      case 'resize': {
        const { sizeBytes } = parsed.data as z.output<typeof bodies.resize>;
        return this.#disk.call(volume, { verb, name: volume, sizeBytes }, done);
      }
      case 'invalidate':
        return this.#disk.call(volume, { verb }, done);
      case 'wait': {
        const { for: goal, timeoutMs } = parsed.data as z.output<typeof bodies.wait>;
        return this.#wait(volume, goal, timeoutMs, done);
      }
    }
  }

  /** One after the other; stops at the first error. */
  #eachPeer(volume: string, verb: 'connect' | 'disconnect', peer: string | undefined, done: Done): void {
    const status = this.#disk.statuses.find((each) => goesBy(each, volume));
    const peers = peer === undefined ? (status?.peers.map(({ node }) => node) ?? []) : [peer];
    const next = (index: number): void => {
      const target = peers[index];
      if (target === undefined) return done(undefined);
      const call: VolumeCall = { verb, peer: target };
      this.#disk.call(volume, call, (error) => (error === undefined ? next(index + 1) : done(error)));
    };
    if (status === undefined) done(new EterneError('not-found', `there is no volume ${volume} on this node`));
    else next(0);
  }

  #wait(volume: string, goal: WaitGoal, timeoutMs: number, done: Done): void {
    if (!this.#disk.has(volume))
      return done(new EterneError('not-found', `there is no volume ${volume} on this node`));
    if (this.#waits.size >= MAX_WAITS) return done(new EterneError('busy', 'too many waits at once'));
    const timer = this.#timers.after(timeoutMs, () =>
      wait.finish(new EterneError('timeout', `volume ${volume} is not ${goal} after ${timeoutMs} ms`)),
    );
    const wait: Wait = {
      volume,
      goal,
      finish: (error) => {
        timer.cancel();
        if (this.#waits.delete(wait)) done(error);
      },
    };
    this.#waits.add(wait);
    this.#checkWaits(this.#disk.statuses);
  }

  #checkWaits(volumes: readonly VolumeStatus[]): void {
    for (const wait of this.#waits) {
      const status = volumes.find((volume) => goesBy(volume, wait.volume));
      if (status !== undefined && hasReached(status, wait.goal)) wait.finish(undefined);
    }
  }
}

/** Of a mirror set an image is of one of its volumes, where that was named. */
function aboutVolume(question: VolumeCall, name: string): VolumeCall {
  if (question.verb !== 'rescue' || question.action.kind !== 'export') return question;
  return { ...question, action: { ...question.action, name } };
}

const peerIfNamed = (peer: string | undefined): { readonly peer?: string } =>
  peer === undefined ? {} : { peer };

function notFound(request: HttpRequest): HttpReply {
  return errorReply(
    new EterneError('not-found', `${request.method} ${request.path} is not part of this interface`),
  );
}

function managedByCluster(volume: string): EterneError {
  return new EterneError('refused', `volume ${volume} is managed by the cluster`, {
    hint: 'use `eterne group` and `eterne volume`',
  });
}
