import type { LogPlace } from './model.ts';

/** Of a cluster that never moved its log, and of snapshots of before it could. */
export const FIRST_LOG: LogPlace = {
  epoch: 0,
  consensus: { engine: 'embedded' },
  phase: 'steady',
  to: null,
  ready: [],
  followed: [],
};
