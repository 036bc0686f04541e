/** From what was read to what is wrong: one function per kind of trouble. Pure. */
import type { LinkRow } from '../agents/ip/links.ts';
import { isUp } from '../agents/ip/links.ts';
import type { Mount } from '../agents/mounts.ts';
import type { Finding } from './trouble-book.ts';

/** A trouble that stands is over only when there is so much more room (in percent) than at its begin. */
const MARGIN_PERCENT = 2;
/** Share of the last minute in which every program waited for memory: the machine is at a standstill more than now and then. */
const STALL_PERCENT = 20;

type Verdict = Pick<Finding, 'is' | 'detail'>;

export const WELL: Verdict = { is: 'well', detail: '' };
/** Nothing could be learnt. */
export const UNKNOWN: Verdict = { is: 'unknown', detail: '' };
export const trouble = (detail: string): Verdict => ({ is: 'trouble', detail });

/** `row`: as iproute2 shows it; undefined when there is no such interface. */
export function judgeLink(name: string, row: LinkRow | undefined): Verdict {
  if (row === undefined) return trouble(`${name} is not there`);
  if (isUp(row)) return WELL;
  return trouble(row.flags.includes('UP') ? `${name} has no carrier` : `${name} is switched off`);
}

/** All of 127.0.0.0/8 is this host (RFC 1122, 3.2.1.3), whichever of it an interface names. */
export function judgeAddress(address: string, running: ReadonlyMap<string, readonly string[]>): Verdict {
  if (address.startsWith('127.')) return WELL;
  const isThere = [...running.values()].some((addresses) => addresses.includes(address));
  return isThere ? WELL : trouble(`its address ${address} is on no interface that is up`);
}

/** `directory`: where something is to be mounted; empty: the node's own folder `own`, wherever that lies. */
export function judgeReadOnly(directory: string, own: string, mounts: readonly Mount[]): Verdict {
  const mount =
    directory === ''
      ? mountHolding(own, mounts)
      : mounts.findLast((candidate) => candidate.directory === directory);
  if (mount?.isReadOnly !== true) return WELL;
  return trouble(`${directory === '' ? own : directory} is on a file system that has become read-only`);
}

function mountHolding(path: string, mounts: readonly Mount[]): Mount | undefined {
  const holds = ({ directory }: Mount): boolean =>
    directory === '/' || path === directory || path.startsWith(`${directory}/`);
  return mounts
    .filter(holds)
    .reduce<Mount | undefined>(
      (best, mount) => (best && best.directory.length > mount.directory.length ? best : mount),
      undefined,
    );
}

/** `said`: blocks, free, available to anybody, file entries, free ones, as `stat -f -c '%b %f %a %c %d'`. */
export function judgeFull(path: string, said: string, limitPercent: number, stands: boolean): Verdict {
  const [blocks = 0, free = 0, available = 0, entries = 0, freeEntries = 0] = said
    .trim()
    .split(' ')
    .map(Number);
  if (![blocks, free, available, entries, freeEntries].every(Number.isFinite)) return UNKNOWN;
  const limit = stands ? limitPercent - MARGIN_PERCENT : limitPercent;
  if (percentOf(blocks - free, blocks - free + available) > limit)
    return trouble(`${path} is on a file system that is more than ${limitPercent}% full`);
  if (percentOf(entries - freeEntries, entries) > limit)
    return trouble(
      `${path} is on a file system with less than ${100 - limitPercent}% of its file entries left`,
    );
  return WELL;
}

/** `meminfo`: proc_meminfo(5); `pressure`: the kernel's psi.rst, undefined where it has none. */
export function judgeMemory(
  meminfo: string,
  pressure: string | undefined,
  limitPercent: number,
  stands: boolean,
): Verdict {
  const [total, available] = [kibOf(meminfo, 'MemTotal'), kibOf(meminfo, 'MemAvailable')];
  if (total === undefined || available === undefined) return UNKNOWN;
  if (percentOf(available, total) < limitPercent + (stands ? MARGIN_PERCENT : 0))
    return trouble(`less than ${limitPercent}% of its memory is available`);
  const stalled = Number(/^full .*avg60=([0-9.]+)/m.exec(pressure ?? '')?.[1] ?? 0);
  if (stalled > (stands ? STALL_PERCENT / 2 : STALL_PERCENT))
    return trouble(`its programs wait for memory more than ${STALL_PERCENT}% of the time`);
  return WELL;
}

function kibOf(meminfo: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  return found === undefined ? undefined : Number(found);
}

function percentOf(part: number, whole: number): number {
  return whole === 0 ? 0 : (100 * part) / whole;
}
