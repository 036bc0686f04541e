/**
 * What an earlier life of the node left in the kernel: its processes were killed by the launcher, but addresses, mounts and attachments outlive
 * processes, and another node may have taken them over.
 *
 * 1. The launcher moves the earlier life's records from started.json to leftovers.json (node/leave-behind.ts) before anything is started.
 * 2. The monitor abandons each, last started first, before it serves anybody, and then removes the file.
 */
import { EterneError } from '@eterne/base';
import { leftoversPath } from '../node/layout.ts';
import type { Hands, Job } from './agents/agent.ts';
import { bindAgent } from './agents/registry.ts';
import { RecordBook, type StartedRecord } from './record-book.ts';

type Done = (error: EterneError | undefined) => void;

/** Duty 2. What cannot be taken away is logged: whoever starts the group here again meets it. */
export function clearLeftovers(hands: Hands, done: Done): void {
  const path = leftoversPath(hands.dir);
  new RecordBook(hands.world.files, path).read((records) => {
    if (records instanceof EterneError) return done(records);
    if (records.length === 0) return done(undefined);
    abandonAll(hands, records.toReversed(), () => hands.world.files.remove(path, done));
  });
}

function abandonAll(hands: Hands, records: readonly StartedRecord[], done: () => void): void {
  const [record, ...rest] = records;
  if (record === undefined) return done();
  const next = (failure: string): void => {
    const { group, name } = record.spec;
    if (failure !== '')
      hands.world.log('error', 'something of an earlier life is left', { group, resource: name, failure });
    abandonAll(hands, rest, done);
  };
  try {
    const { agent, params } = bindAgent(record.spec.type, record.spec.params);
    agent.abandon(hands, jobOf(record, params), next);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    next(error.message);
  }
}

function jobOf<Params>({ spec, mark, processes }: StartedRecord, params: Params): Job<Params> {
  return { spec, mark, processes, params, keep: (_processes, done) => done() };
}
