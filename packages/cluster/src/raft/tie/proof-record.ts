/**
 * DIR/raft/tie: that this node alone may use the tie-breaker, because its peer is certain to have stopped, and whom it never believes again. JSON, mode 0600, written
 * durably before the tie-breaker is used and cleared durably before the peer is listened to again.
 *
 *     {"version":1,"member":"~tie#proof-…",
 *      "holds":{"peer":"n2#…","how":"fenced: …","knowsAll":true},          left out when nothing is held
 *      "barred":[{"id":"n2#…","atMs":…}]}                                  left out when there is nobody
 *
 * What is held is of one tie-breaker; who is barred is so for good: that member never comes back, another life of its node does (barred.ts). Changelog:
 * 1 — the first. 2 — `barred`; written only with somebody in it. Of version 1 the peer of one that did not know all is barred.
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { Fields } from '../../node/fields.ts';
import type { MemberId } from '../types.ts';
import { BARRED_MAX, type Barred } from './barred.ts';

export interface ProofHeld {
  /** Who has stopped. */
  readonly peer: MemberId;
  /** How that is known: a sentence. */
  readonly how: string;
  /** This node knew everything committed when it took the tie-breaker. False: an operator accepted what may be lost. */
  readonly knowsAll: boolean;
}

export interface ProofRecord {
  readonly member: MemberId;
  readonly held: ProofHeld | undefined;
  readonly barred: readonly Barred[];
}

const VERSION = 2;
const VERSION_WITHOUT_BARRED = 1;

export function encodeProofRecord({ member, held, barred }: ProofRecord): Buffer {
  const version = barred.length > 0 ? VERSION : VERSION_WITHOUT_BARRED;
  const document = {
    version,
    member,
    ...(held ? { holds: held } : {}),
    ...(barred.length > 0 ? { barred } : {}),
  };
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Throws `config` or `unsupported` for what is no record. */
export function decodeProofRecord(content: Buffer): ProofRecord {
  const fields = Fields.parse('raft/tie', content);
  const version = fields.integer('version');
  if (version !== VERSION && version !== VERSION_WITHOUT_BARRED)
    throw new EterneError('unsupported', 'raft/tie: this program does not know its version');
  const member = fields.text('member');
  const holds = fields.optional('holds', (name) => fields.object(name), undefined);
  const barred = version === VERSION ? fields.objects('barred').map(readBarred) : undefined;
  fields.end();
  const held = holds && {
    peer: holds.text('peer'),
    how: holds.text('how'),
    knowsAll: holds.boolean('knowsAll'),
  };
  holds?.end();
  if (barred !== undefined && barred.length > BARRED_MAX)
    throw new EterneError('config', `raft/tie: ${barred.length} members are barred`);
  return { member, held, barred: barred ?? barredBefore(held) };
}

function readBarred(fields: Fields): Barred {
  const barred = { id: fields.text('id'), atMs: fields.integer('atMs') };
  fields.end();
  return barred;
}

function barredBefore(held: ProofHeld | undefined): readonly Barred[] {
  return held && !held.knowsAll ? [{ id: held.peer, atMs: 0 }] : [];
}

/** What a player keeps of what it holds, durably. One call at a time. */
export interface TieRecord {
  read(done: (result: ProofHeld | undefined | EterneError) => void): void;
  /** Undefined: nothing is held any more. */
  write(held: ProofHeld | undefined, done: (error: EterneError | undefined) => void): void;
}

/** The file, in one life of the service. What cannot be read is not replaced: who is barred would be forgotten. */
export class ProofFile {
  readonly #files: Files;
  readonly #path: string;
  #record: (Omit<ProofRecord, 'member'> & { readonly member: MemberId | undefined }) | undefined;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Undefined: not known. */
  get barred(): readonly Barred[] | undefined {
    return this.#record?.barred;
  }

  load(done: (error: EterneError | undefined) => void): void {
    this.#files.readFile(this.#path, (content) => {
      if (content instanceof EterneError) return done(content);
      try {
        // A slower reading than another must not take back what was written since.
        this.#record ??=
          content === undefined
            ? { member: undefined, held: undefined, barred: [] }
            : decodeProofRecord(content);
      } catch (error) {
        if (!(error instanceof EterneError)) throw error;
        return done(error);
      }
      return done(undefined);
    });
  }

  /** `left`: who is barred when something is held without knowing all. */
  recordOf(member: MemberId, left: () => readonly Barred[]): TieRecord {
    return {
      read: (done) =>
        this.#loaded((error) =>
          done(error ?? (this.#record?.member === member ? this.#record.held : undefined)),
        ),
      write: (held, done) =>
        this.#loaded((error) => {
          if (error) return done(error);
          const before = this.#record?.barred ?? [];
          const barred = held && !held.knowsAll ? withBarred(before, left()) : before;
          return this.#write({ member, held, barred }, done);
        }),
    };
  }

  #loaded(done: (error: EterneError | undefined) => void): void {
    if (this.#record) done(undefined);
    else this.load(done);
  }

  #write(record: ProofRecord, done: (error: EterneError | undefined) => void): void {
    this.#files.writeFileAtomic(this.#path, encodeProofRecord(record), 0o600, (error) => {
      if (!error) this.#record = record;
      done(error);
    });
  }
}

/** The oldest are forgotten. */
function withBarred(before: readonly Barred[], more: readonly Barred[]): readonly Barred[] {
  const kept = before.filter(({ id }) => !more.some((barred) => barred.id === id));
  return [...kept, ...more].slice(-BARRED_MAX);
}
