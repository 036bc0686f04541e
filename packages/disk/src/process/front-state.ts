/**
 * A small piece of state of a volume's front end (persistent reservations of iSCSI) that moves with the volume.
 *
 * Duties:
 * 1. `save` is done only when the state is durable here and on every other member of the in-sync set, and on whoever is about to become one.
 * 2. A replica enters the in-sync set only after it holds the newest state (`guard`), so every node that may be promoted without force has it.
 * 3. A replica takes state of its own term or a newer one only, and never an older state of the same term: an old primary that is not yet
 *    aware of its end finishes no `save`.
 * 4. Replicas outside the set are told too, but not waited for: an asynchronous one may know older state.
 * 5. A new term begins by saving what it found under its own number (`begin`): what an older term left half saved is settled with it.
 *
 * File beside the metadata, `PATH.front`: one line of JSON `{"version":1,"term":N,"sequence":N,"content":BASE64}`, one line with its CRC-32C.
 * Between nodes: one call `put` with the same fields, answered when durable.
 */
import { EterneError, assert, crc32c } from '@eterne/base';
import { JsonLink, type Reply, type Stream, type Timer, type World } from '@eterne/runtime';
import * as z from 'zod';
import type { Arbiter, VolumeConfig, VolumeStatus } from '../engine/api.ts';
import { dialChannel } from './front-channel.ts';

const MAX_CONTENT_BYTES = 64 * 1024;
const PRIVATE_MODE = 0o600;
const PUT_TIMEOUT_MS = 2_000;
const RETRY_MS = 200;
/** A peer that replicates but takes no state for so long stays out of the set, until it is proposed again: what else the proposal changes must not wait for it. */
const ADDING_TIMEOUT_MS = 10_000;

type StateWorld = Pick<World, 'network' | 'timers' | 'files' | 'log'>;
type Done = (error: EterneError | undefined) => void;
type VolumeView = () => Pick<VolumeStatus, 'term' | 'role' | 'inSyncSet'>;

const recordSchema = z.strictObject({
  version: z.literal(1),
  term: z.number().int().nonnegative(),
  sequence: z.number().int().nonnegative(),
  content: z.base64().max(Math.ceil(MAX_CONTENT_BYTES / 3) * 4),
});
type StateRecord = z.output<typeof recordSchema>;

const NOTHING: StateRecord = { version: 1, term: 0, sequence: 0, content: '' };
const nameOf = ({ term, sequence }: StateRecord): string => `${term}.${sequence}`;
const isOlder = (a: StateRecord, b: StateRecord): boolean =>
  a.term === b.term ? a.sequence < b.sequence : a.term < b.term;

/** A proposal of the in-sync set that waits until its new members hold the state. */
interface Addition {
  readonly nodes: readonly string[];
  /** Undefined: it waits on, because nobody else is left. */
  readonly deadline: Timer | undefined;
  readonly go: () => void;
}

export class FrontState {
  readonly #world: StateWorld;
  #config: VolumeConfig;
  readonly #view: VolumeView;
  readonly #path: string;
  readonly #links = new Map<string, JsonLink>();
  readonly #asking = new Set<string>();
  /** The newest state each peer is known to hold. */
  readonly #holders = new Map<string, string>();
  /** Peers that a proposal may make members at any moment, with that proposal. */
  readonly #candidates = new Map<string, object>();
  #additions: Addition[] = [];
  /** Writes of the file, one after the other. */
  readonly #steps: ((release: () => void) => void)[] = [];
  #stepping = false;
  #record: StateRecord;
  /** Ends the `save` or `begin` under way. */
  #saved: Done | undefined;
  #serving = false;
  #retry: Timer | undefined;

  private constructor(world: StateWorld, config: VolumeConfig, view: VolumeView, record: StateRecord) {
    this.#world = world;
    this.#config = config;
    this.#view = view;
    this.#path = pathOf(config);
    this.#record = record;
  }

  static open(
    world: StateWorld,
    config: VolumeConfig,
    view: VolumeView,
    done: (result: FrontState | EterneError) => void,
  ): void {
    const path = pathOf(config);
    world.files.readFile(path, (content) => {
      if (content instanceof EterneError) return done(content);
      const record = content === undefined ? NOTHING : decodeRecord(content);
      done(
        record === undefined
          ? new EterneError('corrupt', `${path} is damaged`, {
              hint: 'delete it if no initiator relies on its persistent reservations any more',
            })
          : new FrontState(world, config, view, record),
      );
    });
  }

  /** Where the same peers are from now on. A link that is open is kept. */
  readdress(peers: VolumeConfig['peers']): void {
    this.#config = { ...this.#config, peers };
  }

  /** Empty before the first `save`. */
  get content(): Buffer {
    return Buffer.from(this.#record.content, 'base64');
  }

  /** Duty 5. `content` is settled when done. Never done when the term ends before. */
  begin(done: Done): void {
    this.end();
    this.#serving = true;
    this.#write((found) => ({ ...found, term: this.#view().term, sequence: found.sequence + 1 }), done);
  }

  /** Duty 1; one at a time. Never done when the term ends before. */
  save(content: Buffer, done: Done): void {
    assert(this.#serving && this.#saved === undefined, 'a primary saves one state after the other');
    if (content.length > MAX_CONTENT_BYTES)
      return done(new EterneError('refused', `more than ${MAX_CONTENT_BYTES} bytes of front end state`));
    this.#write(
      (found) => ({ ...found, sequence: found.sequence + 1, content: content.toString('base64') }),
      done,
    );
  }

  /** The term has ended. */
  end(): void {
    this.#serving = false;
    this.#saved = undefined;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#holders.clear();
    this.#candidates.clear();
    for (const { deadline, go } of this.#additions.splice(0)) {
      deadline?.cancel();
      go(); // the arbiter knows what a proposal of an ended term is worth
    }
    for (const link of this.#links.values()) link.close();
  }

  /** Duty 2: the arbiter, asked to add a replica only when it holds the state. */
  guard(arbiter: Arbiter): Arbiter {
    return {
      ...arbiter,
      propose: (proposal, done) => {
        const present = this.#view().inSyncSet;
        const nodes = proposal.members.filter(
          (node) => node !== this.#config.node && !present.includes(node),
        );
        if (!this.#serving || nodes.length === 0) return arbiter.propose(proposal, done);
        for (const node of nodes) this.#candidates.set(node, proposal);
        const go = (): void =>
          arbiter.propose(proposal, (answer) => {
            if (answer.kind !== 'committed') this.#forget(nodes, proposal);
            // Members forget that they were candidates; one that left again at once, unseen, must not be waited for.
            else this.#world.timers.after(ADDING_TIMEOUT_MS, () => this.#forget(nodes, proposal));
            done(answer);
          });
        const rest = proposal.members.filter((node) => !nodes.includes(node));
        const without = (): void => {
          this.#forget(nodes, proposal);
          // Nothing to be decided: the engine proposes it again, because the replica is still in step.
          if (sameMembers(rest, present))
            return done({ kind: 'committed', set: { version: proposal.expectedVersion, members: present } });
          arbiter.propose({ ...proposal, members: rest }, done);
        };
        const deadline = rest.length === 0 ? undefined : this.#impatience(nodes, without);
        this.#additions.push({ nodes, go, deadline });
        this.advance();
      },
    };
  }

  /** To be called whenever the volume's status has changed. */
  advance(): void {
    if (!this.#serving) return;
    const members = this.#view().inSyncSet;
    for (const node of members) this.#candidates.delete(node);
    const needed = [...members, ...this.#candidates.keys()].filter((node) => node !== this.#config.node);
    const missing = needed.filter((node) => !this.#holds(node));
    for (const node of missing) this.#put(node);
    this.#admit();
    if (missing.length > 0) return this.#tryAgainLater();
    const saved = this.#saved;
    this.#saved = undefined;
    saved?.(undefined);
  }

  /** A connection on which another node's primary puts its state. */
  accept(stream: Stream, fromNode: string): void {
    if (!Object.hasOwn(this.#config.peers, fromNode)) return stream.destroy();
    new JsonLink(stream, this.#world.timers, {
      onCall: (name, body, reply) => {
        if (name === 'put') this.#take(body, reply);
        else reply({ error: new EterneError('unsupported', `no call ${name}`) });
      },
      onNote: () => {},
      onClose: () => {},
    });
  }

  #holds(node: string): boolean {
    return this.#holders.get(node) === nameOf(this.#record);
  }

  #admit(): void {
    const ready = this.#additions.filter(({ nodes }) => nodes.every((node) => this.#holds(node)));
    this.#additions = this.#additions.filter((addition) => !ready.includes(addition));
    for (const { deadline, go } of ready) {
      deadline?.cancel();
      go();
    }
  }

  #forget(nodes: readonly string[], proposal: object): void {
    for (const node of nodes) if (this.#candidates.get(node) === proposal) this.#candidates.delete(node);
  }

  #impatience(nodes: readonly string[], without: () => void): Timer {
    return this.#world.timers.after(ADDING_TIMEOUT_MS, () => {
      const fields = { volume: this.#config.name, nodes: nodes.join(' ') };
      this.#world.log(
        'warn',
        'a replica stays out of the in-sync set: it takes no state of the front end',
        fields,
      );
      this.#additions = this.#additions.filter((addition) => addition.nodes !== nodes);
      without();
    });
  }

  #tryAgainLater(): void {
    this.#retry ??= this.#world.timers.after(RETRY_MS, () => {
      this.#retry = undefined;
      this.advance();
    });
  }

  /** Duty 3, on the primary's side: what is answered after the term has ended counts for nothing. */
  #put(node: string): void {
    if (this.#asking.has(node)) return;
    this.#asking.add(node);
    const record = this.#record;
    const answered = (error: EterneError | undefined): void => {
      this.#asking.delete(node);
      if (!this.#serving || error !== undefined) return;
      this.#holders.set(node, nameOf(record));
      this.advance();
    };
    this.#link(node, (link) => {
      if (link instanceof EterneError) return answered(link);
      link.call('put', record, PUT_TIMEOUT_MS, (_result, error) => {
        if (error !== undefined) link.close();
        answered(error);
      });
    });
  }

  #link(node: string, then: (link: JsonLink | EterneError) => void): void {
    const present = this.#links.get(node);
    if (present !== undefined) return then(present);
    dialChannel(this.#world, this.#config, node, { kind: 'state' }, (stream) => {
      if (stream instanceof EterneError) return then(stream);
      const link = new JsonLink(stream, this.#world.timers, {
        onCall: (name, _body, reply) => reply({ error: new EterneError('unsupported', `no call ${name}`) }),
        onNote: () => {},
        onClose: () => this.#links.delete(node),
      });
      this.#links.set(node, link);
      then(link);
    });
  }

  /** On this node first, then on the others. */
  #write(next: (found: StateRecord) => StateRecord, done: Done): void {
    this.#step((release) => {
      const record = next(this.#record);
      this.#world.files.writeFileAtomic(this.#path, encodeRecord(record), PRIVATE_MODE, (error) => {
        if (error === undefined) this.#record = record;
        release();
        if (!this.#serving || this.#view().term !== record.term) return;
        if (error !== undefined) return done(error);
        this.#saved = done;
        // Replicas outside the set (all of an asynchronous mirror) get it as far as they can be reached.
        for (const node of Object.keys(this.#config.peers)) this.#put(node);
        this.advance();
      });
    });
  }

  /** Duty 3. */
  #take(body: unknown, reply: Reply): void {
    const parsed = recordSchema.safeParse(body);
    if (!parsed.success) return reply({ error: new EterneError('refused', 'a malformed state') });
    const record = parsed.data;
    this.#step((release) => {
      const { term, role } = this.#view();
      const isLate = record.term < term || isOlder(record, this.#record);
      if (isLate || this.#serving || role === 'primary') {
        release();
        return reply({ error: new EterneError('refused', `state ${nameOf(record)} is not the newest`) });
      }
      this.#world.files.writeFileAtomic(this.#path, encodeRecord(record), PRIVATE_MODE, (error) => {
        if (error === undefined) this.#record = record;
        release();
        if (error !== undefined) reply({ error });
        else if (this.#serving) reply({ error: new EterneError('refused', 'this node is primary now') });
        else reply({ ok: null });
      });
    });
  }

  #step(run: (release: () => void) => void): void {
    this.#steps.push(run);
    if (!this.#stepping) this.#nextStep();
  }

  #nextStep(): void {
    const run = this.#steps.shift();
    this.#stepping = run !== undefined;
    run?.(() => this.#nextStep());
  }
}

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((node) => b.includes(node));

const pathOf = (config: VolumeConfig): string => `${config.metadataPath}.front`;

const checksum = (document: string): string => crc32c(Buffer.from(document)).toString(16).padStart(8, '0');

function encodeRecord(record: StateRecord): Buffer {
  const document = JSON.stringify(record);
  return Buffer.from(`${document}\n${checksum(document)}\n`);
}

/** Undefined when it is not what `encodeRecord` wrote. */
function decodeRecord(bytes: Buffer): StateRecord | undefined {
  const [document = '', sum] = bytes.toString('utf8').split('\n');
  if (sum !== checksum(document)) return undefined;
  try {
    return recordSchema.safeParse(JSON.parse(document)).data;
  } catch {
    return undefined;
  }
}
