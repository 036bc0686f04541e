import type { NodeStatus } from '../api/types.ts';

/** Where a node serves its console; null when it listens on every address and so names none. */
export function consoleUrl({ api }: NodeStatus): string | null {
  return /^(0\.0\.0\.0|\[::\]):/.test(api) ? null : `https://${api}/`;
}
