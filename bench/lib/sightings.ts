/** Who the programs of a group are, for whoever finds not exactly one. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readIfAlive } from './processes.ts';

/** proc(5), SigPnd and ShdPnd: signals as bits, the first one lowest. */
const SIGKILL_BIT = 1n << 8n;

/** It has been killed, and only waits for a processor to end: nothing of its program runs any more. */
export function isDying(pid: number): boolean {
  const status = readIfAlive(`/proc/${pid}/status`);
  const pending = [...status.matchAll(/^(?:Sig|Shd)Pnd:\s+([0-9a-f]+)$/gm)];
  return status === '' || pending.some(([, bits = '0']) => (BigInt(`0x${bits}`) & SIGKILL_BIT) !== 0n);
}

/** In a line: its node, by the folder in its launcher's command line, its pid, its state, since when it lives, and its mark. */
export function sighting(pid: number): string {
  const stat = readIfAlive(`/proc/${pid}/stat`);
  if (stat === '') return `pid ${pid} has ended`;
  // proc_pid_stat(5): after the name in brackets the state, the parent, …; the 22nd of all is when it started.
  const [state, parent, ...others] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const uptimeS = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  const agedS = (uptimeS - Number(others[17]) / 100).toFixed(2);
  const node = basename(wordsOf(parent, 'cmdline').at(-1) ?? '');
  const mark = wordsOf(pid, 'environ').find((word) => word.startsWith('ETERNE_RESOURCE='));
  const dying = isDying(pid) ? ', killed' : '';
  const command = wordsOf(pid, 'cmdline').join(' ');
  return `pid ${pid} of ${node} (parent ${parent}), state ${state}${dying}, ${agedS} s old, ${mark}: ${command}`;
}

function wordsOf(pid: number | string | undefined, file: 'cmdline' | 'environ'): readonly string[] {
  return readIfAlive(`/proc/${pid}/${file}`).split('\0').slice(0, -1);
}
