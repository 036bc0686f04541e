import type { PathStatus } from '../ports.ts';
import type { DiskEnds, Path, UdpEnds } from './path.ts';

/** What is told of every kind of path. */
export function pathStatus(
  peer: string,
  path: Path<UdpEnds | DiskEnds>,
  nowMs: number,
): Omit<PathStatus, 'latencyMs' | 'trouble'> {
  const ageMs = path.ageMs(nowMs);
  return {
    peer,
    kind: path.ends.kind,
    path: path.ends.name,
    up: path.isUp(nowMs),
    lossPercent: path.lossPercent(nowMs),
    ageMs: ageMs === null ? null : Math.round(ageMs),
    dropped: path.drops.counts,
  };
}

export function roundedMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}
