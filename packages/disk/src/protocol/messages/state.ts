/**
 * STATE: what the sender is from now on; frames after it are to be read in its light. The receiver makes it durable, then answers
 * STATE_ACK with the same id. Sent at a promotion (before anything is served), a demotion, a change of the in-sync set, of the
 * generation, or of the disk state.
 *
 * ```
 * id u64 · term (u64, text) · set (u64, list of text) · role u8 · disk state u8 · volume uuid text · current generation text
 * list of nodes that are equal to the sender text
 * ```
 */
import { EterneError } from '@eterne/base';
import type { DiskState, InSyncSet, Role, Term } from '../../engine/api.ts';
import { MAX_PEERS, NIL_UUID, type Uuid } from '../../metadata/api.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import { DISK_STATES } from '../../engine/api.ts';
import { ROLES, readName, readSet, readTerm, readUuid, writeSet, writeTerm } from './common.ts';

export interface StateMessage {
  readonly id: number;
  readonly term: Term;
  readonly set: InSyncSet;
  readonly role: Role;
  readonly diskState: DiskState;
  readonly volumeUuid: Uuid;
  readonly current: Uuid;
  /** Nodes that have `current` and every write that is settled. The receiver counts bits for any other node, as the sender does. */
  readonly equal: readonly string[];
}

export function encodeState(state: StateMessage): Buffer {
  const into = new FieldWriter().uint64(state.id);
  writeTerm(into, state.term);
  writeSet(into, state.set);
  into.byte(ROLES.indexOf(state.role)).byte(DISK_STATES.indexOf(state.diskState));
  into.text(state.volumeUuid).text(state.current);
  return into.list(state.equal, (node) => into.text(node)).finish();
}

export function decodeState(body: Buffer): StateMessage {
  const from = new FieldReader(body);
  const state: StateMessage = {
    id: from.uint64(),
    term: readTerm(from),
    set: readSet(from),
    role: from.choice(ROLES),
    diskState: from.choice(DISK_STATES),
    volumeUuid: readUuid(from),
    current: readUuid(from),
    equal: from.list(MAX_PEERS, () => readName(from)),
  };
  from.finish();
  if (state.role === 'primary' && state.current === NIL_UUID)
    throw new EterneError('protocol', 'a primary without a generation');
  return state;
}
