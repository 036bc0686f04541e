/**
 * DIR/raft/solo: the halves that this node's log has been through (lineage.ts), and whether it is alone now. JSON, mode 0600, replaced as a whole.
 *
 *     {"version":1,"member":"~tie#solo-…","lineage":[{"id":…,"node":…,"groups":…,"atMs":…,"knowsAll":…}, …],
 *      "holds":{"peer":"n2#…","how":"…","knowsAll":true},          left out when it is not alone
 *      "rewind":"ID"}                                              left out; else the log is to be put back to before that half
 *
 * A record of another tie-breaker says nothing. One that cannot be read is not replaced: what it said would be forgotten.
 */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { Fields } from '../../node/fields.ts';
import type { MemberId } from '../types.ts';
import { LINEAGE_MAX, rootOf, type Half, type Lineage } from './lineage.ts';
import type { ProofHeld } from './proof-record.ts';

export interface SoloRecord {
  readonly member: MemberId;
  readonly lineage: Lineage;
  readonly held: ProofHeld | undefined;
  /** Id of the half to which this node's log no longer belongs. */
  readonly rewind: string | undefined;
}

const VERSION = 1;
const MODE = 0o600;

export function encodeSoloRecord({ member, lineage, held, rewind }: SoloRecord): Buffer {
  const document = {
    version: VERSION,
    member,
    lineage,
    ...(held ? { holds: held } : {}),
    ...(rewind === undefined ? {} : { rewind }),
  };
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** Throws `config` or `unsupported` for what is no record. */
export function decodeSoloRecord(content: Buffer): SoloRecord {
  const fields = Fields.parse('raft/solo', content);
  if (fields.integer('version') !== VERSION)
    throw new EterneError('unsupported', 'raft/solo: this program does not know its version');
  const member = fields.text('member');
  const lineage = fields.objects('lineage').map(readHalf);
  if (lineage.length === 0 || lineage.length > LINEAGE_MAX + 1)
    throw new EterneError('config', `raft/solo: a lineage of ${lineage.length} halves`);
  const holds = fields.optional('holds', (name) => fields.object(name), undefined);
  const rewind = fields.optional('rewind', (name) => fields.text(name), undefined);
  fields.end();
  const held = holds && {
    peer: holds.text('peer'),
    how: holds.text('how'),
    knowsAll: holds.boolean('knowsAll'),
  };
  holds?.end();
  return { member, lineage, held, rewind };
}

function readHalf(fields: Fields): Half {
  const half = {
    id: fields.text('id'),
    node: fields.text('node'),
    groups: fields.integer('groups'),
    atMs: fields.integer('atMs'),
    knowsAll: fields.boolean('knowsAll'),
  };
  fields.end();
  return half;
}

/** Undefined: there is none. */
export function readSoloRecord(
  files: Files,
  path: string,
  done: (result: SoloRecord | undefined | EterneError) => void,
): void {
  files.readFile(path, (content) => {
    if (content === undefined || content instanceof EterneError) return done(content);
    let record: SoloRecord | EterneError;
    try {
      record = decodeSoloRecord(content);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      record = error;
    }
    done(record);
  });
}

export function writeSoloRecord(
  files: Files,
  path: string,
  record: SoloRecord,
  done: (error: EterneError | undefined) => void,
): void {
  files.writeFileAtomic(path, encodeSoloRecord(record), MODE, done);
}

/** Of a tie-breaker that nobody has used. */
export function freshRecord(member: MemberId): SoloRecord {
  return { member, lineage: rootOf(member), held: undefined, rewind: undefined };
}
