/**
 * What an earlier life of the node left in the kernel: its processes were killed by the launcher, but addresses, mounts and attachments outlive
 * processes, and another node may have taken them over.
 *
 * 1. The launcher moves the earlier life's records from started.json to leftovers.json (node/leave-behind.ts) before anything is started.
 * 2. The monitor abandons each, last started first, before it serves anybody: until then the log does not hear of the new life either, whose word frees the groups
 *    of the one before (service/reports.ts). What does not go is tried again for `PATIENCE_MS`. Then the file is removed.
 */
import { EterneError } from '@eterne/base';
import { answeredWithin } from '@eterne/runtime';
import { leftoversPath } from '../node/layout.ts';
import type { Hands, Job } from './agents/agent.ts';
import { bindAgent } from './agents/registry.ts';
import { RecordBook, type StartedRecord } from './record-book.ts';

const PATIENCE_MS = 10_000;
/** More than any agent takes: one that says nothing (a command that the kernel does not let go) must not keep the whole node. */
const ANSWER_MS = 30_000;
const AGAIN_MS = 500;

type Done = (error: EterneError | undefined) => void;

/** Duty 2. What cannot be taken away is logged: whoever starts the group here again meets it, and whoever does not finds it (service/stray-duty.ts). */
export function clearLeftovers(hands: Hands, done: Done): void {
  const path = leftoversPath(hands.dir);
  new RecordBook(hands.world.files, path).read((records) => {
    if (records instanceof EterneError) return done(records);
    if (records.length === 0) return done(undefined);
    const untilMs = hands.world.clock.bootMs() + PATIENCE_MS;
    abandonAll(hands, records.toReversed(), untilMs, () => hands.world.files.remove(path, done));
  });
}

function abandonAll(
  hands: Hands,
  records: readonly StartedRecord[],
  untilMs: number,
  done: () => void,
): void {
  const { clock, log, timers } = hands.world;
  const left: StartedRecord[] = [];
  const abandonFrom = (index: number): void => {
    const record = records[index];
    if (record !== undefined)
      return abandon(hands, record, (failure) => {
        if (failure !== '') left.push(record);
        if (failure !== '' && clock.bootMs() >= untilMs) {
          const { group, name } = record.spec;
          log('error', 'something of an earlier life is left', { group, resource: name, failure });
        }
        abandonFrom(index + 1);
      });
    if (left.length === 0 || clock.bootMs() >= untilMs) return done();
    timers.after(AGAIN_MS, () => abandonAll(hands, left, untilMs, done));
  };
  abandonFrom(0);
}

function abandon(hands: Hands, record: StartedRecord, done: (failure: string) => void): void {
  const settle = answeredWithin(hands.world.timers, ANSWER_MS, () => 'its agent does not answer', done);
  try {
    const { agent, params } = bindAgent(record.spec.type, record.spec.params);
    agent.abandon(hands, jobOf(record, params), settle);
  } catch (error) {
    if (!(error instanceof EterneError)) throw error;
    settle(error.message);
  }
}

function jobOf<Params>({ spec, mark, processes }: StartedRecord, params: Params): Job<Params> {
  return { spec, mark, processes, params, keep: (_processes, done) => done() };
}
