import type { MetadataState } from '../../metadata/index.ts';

/** A primary shows `shownBytes`, so every member of the set has as much. */
export function withShown(state: MetadataState, shownBytes: number): MetadataState {
  const { unconfirmedBytes } = state;
  return unconfirmedBytes === 0 || shownBytes < unconfirmedBytes ? state : { ...state, unconfirmedBytes: 0 };
}
