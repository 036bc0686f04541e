/**
 * A SCSI-3 persistent reservation, Write Exclusive – Registrants Only (SPC-4 §5.12), by sg_persist(8): it holds on every path of a multipath
 * device and through a restart of the disk (APTPL). The cluster has decided who owns the disk before anybody comes here, so whoever else is registered is
 * preempted: from then on nothing that it sends is written.
 *
 *   REGISTER AND IGNORE ─► READ RESERVATION ─┬─ nobody ───► RESERVE ──────────────┐
 *                                            └─ another ──► PREEMPT AND ABORT ────┤
 *                                                      every other key registered ▼
 *                                                           PREEMPT AND ABORT ─► held
 */
import { EterneError } from '@eterne/base';
import type { Hands } from '../agent.ts';
import { runCommand, type Command } from '../command.ts';

const WRITE_EXCLUSIVE_REGISTRANTS_ONLY = '5';
/** More registrants than a cluster has nodes and paths. */
const FOREIGN_MAX = 256;

type Verdict = (failure: string) => void;
type Say = (args: readonly string[], done: (output: string, failure: string) => void) => void;

export function takeReservation(
  hands: Hands,
  device: string,
  key: string,
  timeoutMs: number,
  done: Verdict,
): void {
  const say = speaker(hands, device, timeoutMs);
  say(['--out', '--register-ignore', `--param-sark=${key}`, '--param-aptpl'], (_output, failure) => {
    if (failure !== '') return done(failure);
    readHolder(say, (holder) => {
      if (holder instanceof EterneError) return done(holder.message);
      const expel = (): void => expelOthers(say, key, FOREIGN_MAX, done);
      if (holder === key) return expel();
      if (holder !== null)
        return preempt(say, key, holder, (refused) => (refused === '' ? expel() : done(refused)));
      const reserve = ['--out', '--reserve', `--param-rk=${key}`];
      say([...reserve, `--prout-type=${WRITE_EXCLUSIVE_REGISTRANTS_ONLY}`], (_said, refused) =>
        refused === '' ? expel() : done(refused),
      );
    });
  });
}

/** Nothing to let go of counts as let go. */
export function releaseReservation(
  hands: Hands,
  device: string,
  key: string,
  timeoutMs: number,
  done: Verdict,
): void {
  const say = speaker(hands, device, timeoutMs);
  readKeys(say, (keys) => {
    if (keys instanceof EterneError) return done(keys.message);
    if (!keys.includes(key)) return done('');
    const release = ['--out', '--release', `--param-rk=${key}`];
    say([...release, `--prout-type=${WRITE_EXCLUSIVE_REGISTRANTS_ONLY}`], (_output, failure) => {
      if (failure !== '') return done(failure);
      say(['--out', '--register', `--param-rk=${key}`, '--param-sark=0'], (_said, refused) => done(refused));
    });
  });
}

/** Null: nobody. */
export function whoHolds(
  hands: Hands,
  device: string,
  timeoutMs: number,
  done: (holder: string | null | EterneError) => void,
): void {
  readHolder(speaker(hands, device, timeoutMs), done);
}

function speaker(hands: Hands, device: string, timeoutMs: number): Say {
  const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
  return (args, done) => {
    const command: Command = ['sg_persist', '--no-inquiry', ...args, device];
    runCommand(hands, command, deadlineMs - hands.world.clock.bootMs(), ({ stdout, failure }) =>
      done(stdout, failure),
    );
  };
}

function expelOthers(say: Say, key: string, left: number, done: Verdict): void {
  readKeys(say, (keys) => {
    if (keys instanceof EterneError) return done(keys.message);
    const other = keys.find((registered) => registered !== key);
    if (other === undefined) return done('');
    if (left === 0) return done('others register again and again');
    preempt(say, key, other, (failure) =>
      failure === '' ? expelOthers(say, key, left - 1, done) : done(failure),
    );
  });
}

function preempt(say: Say, key: string, other: string, done: Verdict): void {
  const args = ['--out', '--preempt-abort', `--param-rk=${key}`, `--param-sark=${other}`];
  say([...args, `--prout-type=${WRITE_EXCLUSIVE_REGISTRANTS_ONLY}`], (_output, failure) => done(failure));
}

function readHolder(say: Say, done: (holder: string | null | EterneError) => void): void {
  say(['--in', '--read-reservation'], (output, failure) => {
    if (failure !== '') return done(new EterneError('io', failure));
    done(/Key\s*=\s*(0x[0-9a-f]+)/i.exec(output)?.[1]?.toLowerCase() ?? null);
  });
}

function readKeys(say: Say, done: (keys: readonly string[] | EterneError) => void): void {
  say(['--in', '--read-keys'], (output, failure) => {
    if (failure !== '') return done(new EterneError('io', failure));
    const lines = output.split('\n').map((line) => line.trim().toLowerCase());
    done([...new Set(lines.filter((line) => /^0x[0-9a-f]{1,16}$/.test(line)))]);
  });
}
