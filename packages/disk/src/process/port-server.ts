/** The disk process's end of `DiskPort` (`port-messages.ts`): any number of clients, one of them the arbiter. */
import { EterneError } from '@eterne/base';
import { JsonLink, type Reply, type Stream, type Timers } from '@eterne/runtime';
import type { SetProposal } from '../engine/api.ts';
import type { DiskProcess } from './disk-process.ts';
import type { ClientBodies, ProposalNote, StatusNote } from './port-messages.ts';
import { clientBodies } from './port-schemas.ts';
import type { Verdict } from './volume-process.ts';

interface Outstanding {
  readonly proposal: SetProposal;
  readonly verdict: Verdict;
}

export class DiskPortServer {
  readonly #disk: DiskProcess;
  readonly #timers: Timers;
  readonly #links = new Set<JsonLink>();
  readonly #outstanding = new Map<number, Outstanding>();
  #nextProposal = 1;
  #arbiter: JsonLink | undefined;

  constructor(disk: DiskProcess, timers: Timers) {
    this.#disk = disk;
    this.#timers = timers;
    disk.onStatus((volumes) => {
      for (const link of this.#links) link.note('status', { volumes } satisfies StatusNote);
    });
    disk.onProposal((proposal, verdict) => this.#propose(proposal, verdict));
    disk.onWorkerGone((volume) => this.#forget(volume));
  }

  accept(stream: Stream): void {
    const link: JsonLink = new JsonLink(stream, this.#timers, {
      onCall: (name, body, reply) => this.#call(name, body, reply),
      onNote: (name, body) => this.#note(link, name, body),
      onClose: () => this.#closed(link),
    });
    this.#links.add(link);
    link.note('status', { volumes: this.#disk.statuses } satisfies StatusNote);
  }

  close(): void {
    for (const link of this.#links) link.close();
  }

  #call(name: string, body: unknown, reply: Reply): void {
    const done = (error: EterneError | undefined, result?: unknown): void =>
      reply(error === undefined ? { ok: result ?? null } : { error });
    switch (name) {
      case 'ensure-volume': {
        const checked = check(name, body, done);
        return checked && this.#disk.ensureVolume(checked.spec, checked.committed, done);
      }
      case 'remove-volume': {
        const checked = check(name, body, done);
        return checked && this.#disk.removeVolume(checked.name, done);
      }
      case 'promote': {
        const checked = check(name, body, done);
        return checked && this.#disk.promote(checked.name, checked.request, done);
      }
      case 'demote': {
        const checked = check(name, body, done);
        return checked && this.#disk.demote(checked.name, done);
      }
      case 'ask': {
        const checked = check(name, body, done);
        return checked && this.#disk.ask(checked.name, checked.call, done);
      }
      default:
        return done(new EterneError('protocol', `no such call: ${name}`));
    }
  }

  #note(link: JsonLink, name: string, body: unknown): void {
    const hangUp = (): void => link.close();
    switch (name) {
      case 'lease': {
        const checked = check(name, body, hangUp);
        return checked && this.#disk.setLease(checked.name, checked.lease);
      }
      case 'listen': {
        const checked = check(name, body, hangUp);
        return checked && this.#disk.listenAt(checked.addresses);
      }
      case 'arbitrate':
        this.#arbiter = link;
        for (const [id, { proposal }] of this.#outstanding)
          link.note('proposal', { id, proposal } satisfies ProposalNote);
        return;
      case 'verdict': {
        const checked = check(name, body, hangUp);
        return checked && this.#verdict(link, checked);
      }
      default:
        return hangUp();
    }
  }

  /** Only the present arbiter is heard: a late word of an earlier one may be of an older cluster state. */
  #verdict(link: JsonLink, { id, answer }: ClientBodies['verdict']): void {
    if (link !== this.#arbiter) return;
    const outstanding = this.#outstanding.get(id);
    this.#outstanding.delete(id);
    outstanding?.verdict(answer);
  }

  #propose(proposal: SetProposal, verdict: Verdict): void {
    const id = this.#nextProposal++;
    this.#outstanding.set(id, { proposal, verdict });
    this.#arbiter?.note('proposal', { id, proposal } satisfies ProposalNote);
  }

  #forget(volume: string): void {
    for (const [id, { proposal }] of this.#outstanding)
      if (proposal.volume === volume) this.#outstanding.delete(id);
  }

  #closed(link: JsonLink): void {
    this.#links.delete(link);
    if (this.#arbiter === link) this.#arbiter = undefined;
  }
}

/** The body as its sender meant it; or undefined after `fail`. */
function check<Name extends keyof ClientBodies>(
  name: Name,
  body: unknown,
  fail: (error: EterneError) => void,
): ClientBodies[Name] | undefined {
  const parsed = clientBodies[name].safeParse(body);
  if (parsed.success) return parsed.data as ClientBodies[Name];
  fail(new EterneError('protocol', `${name}: ${parsed.error.issues[0]?.message ?? 'malformed'}`));
  return undefined;
}
