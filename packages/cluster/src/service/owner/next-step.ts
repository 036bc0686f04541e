/** In which order the resources of a group are started and stopped. Pure. */

/**
 * What the owner knows of a resource here.
 *
 *   unknown ──probe──► running | stopped | failed
 *   stopped ──start──► running | failed
 *   running ──report─► failed
 *   running, failed ──stop──► stopped
 */
export type LocalState = 'unknown' | 'stopped' | 'running' | 'failed';

export type NextStep =
  | { readonly kind: 'probe' | 'start' | 'stop'; readonly index: number }
  /** As wanted. */
  | { readonly kind: 'none' };

/**
 * `states` are in starting order. Nothing is started or stopped before everything is known; a resource is started
 * when all before it run and none after it; it is stopped when none after it is left.
 */
export function nextStep(states: readonly LocalState[], want: 'run' | 'stop'): NextStep {
  const unknown = states.indexOf('unknown');
  if (unknown >= 0) return { kind: 'probe', index: unknown };
  const firstToStart = want === 'run' ? states.findIndex((state) => state !== 'running') : 0;
  if (firstToStart < 0) return { kind: 'none' };
  const lastLeft = states.findLastIndex((state) => state !== 'stopped');
  if (lastLeft >= firstToStart) return { kind: 'stop', index: lastLeft };
  return want === 'run' ? { kind: 'start', index: firstToStart } : { kind: 'none' };
}
