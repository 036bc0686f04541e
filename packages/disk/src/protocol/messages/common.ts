/** Fields that several messages share. Names are at most 63 bytes, UUIDs 36, sets 32 members. */
import type { InSyncSet, Role, Term } from '../../engine/api.ts';
import { MAX_NAME_BYTES, MAX_PEERS, type Uuid } from '../../metadata/api.ts';
import type { FieldReader, FieldWriter } from '../fields.ts';

export const ROLES: readonly Role[] = ['secondary', 'primary'];
const UUID_BYTES = 36;

export const readName = (from: FieldReader): string => from.text(MAX_NAME_BYTES);
export const readUuid = (from: FieldReader): Uuid => from.text(UUID_BYTES);

export function writeTerm(into: FieldWriter, term: Term): void {
  into.uint64(term.number).text(term.grantor);
}

export function readTerm(from: FieldReader): Term {
  return { number: from.uint64(), grantor: readName(from) };
}

export function writeSet(into: FieldWriter, set: InSyncSet): void {
  into.uint64(set.version).list(set.members, (member) => into.text(member));
}

export function readSet(from: FieldReader): InSyncSet {
  return { version: from.uint64(), members: from.list(MAX_PEERS + 1, () => readName(from)) };
}
