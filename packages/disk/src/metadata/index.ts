export * from './api.ts';
export * from './generations.ts';
export { decideHandshake, resolveSplitBrain } from './handshake.ts';
export { hasForgotten, madeWhole, witnessedOf } from './incarnations.ts';
export { metadataBytes } from './layout.ts';
export { openMetadata } from './open.ts';
export { isAhead } from './relation.ts';
