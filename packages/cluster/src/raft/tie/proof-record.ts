/**
 * DIR/raft/tie: that this node alone may use the tie-breaker, because its peer is certain to have stopped. JSON, mode 0600, written durably
 * before the tie-breaker is used and cleared durably before the peer is listened to again.
 *
 *     {"version":1,"member":"~tie#proof-…","holds":{"peer":"n2#…","how":"fenced: …","knowsAll":true}}       `holds` is left out when nothing is held
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { Fields } from '../../node/fields.ts';
import type { MemberId } from '../types.ts';

export interface ProofHeld {
  /** Who has stopped. */
  readonly peer: MemberId;
  /** How that is known: a sentence. */
  readonly how: string;
  /** This node knew everything committed when it took the tie-breaker. False: an operator accepted what may be lost. */
  readonly knowsAll: boolean;
}

const VERSION = 1;

export function encodeProofRecord(member: MemberId, holds: ProofHeld | undefined): Buffer {
  return Buffer.from(`${JSON.stringify({ version: VERSION, member, ...(holds ? { holds } : {}) })}\n`);
}

/** Undefined: nothing is held for `member`. Throws `config` for what is no record. */
export function decodeProofRecord(content: Buffer, member: MemberId): ProofHeld | undefined {
  const fields = Fields.parse('raft/tie', content);
  if (fields.integer('version') !== VERSION)
    throw new EterneError('unsupported', 'raft/tie: this program does not know its version');
  const isOurs = fields.text('member') === member;
  const held = fields.optional('holds', (name) => fields.object(name), undefined);
  fields.end();
  return isOurs && held
    ? { peer: held.text('peer'), how: held.text('how'), knowsAll: held.boolean('knowsAll') }
    : undefined;
}

/** Undefined: nothing is held. */
export function readProofRecord(
  files: Files,
  path: string,
  member: MemberId,
  done: (result: ProofHeld | undefined | EterneError) => void,
): void {
  files.readFile(path, (content) => {
    if (content === undefined || content instanceof EterneError) return done(content);
    let held: ProofHeld | undefined | EterneError;
    try {
      held = decodeProofRecord(content, member);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      held = error;
    }
    done(held);
  });
}

/** What a player keeps of what it holds, durably. One call at a time. */
export interface TieRecord {
  read(done: (result: ProofHeld | undefined | EterneError) => void): void;
  /** Undefined: nothing is held any more. */
  write(held: ProofHeld | undefined, done: (error: EterneError | undefined) => void): void;
}

export function proofRecord(files: Files, path: string, member: MemberId): TieRecord {
  return {
    read: (done) => readProofRecord(files, path, member, done),
    write: (held, done) => files.writeFileAtomic(path, encodeProofRecord(member, held), 0o600, done),
  };
}
