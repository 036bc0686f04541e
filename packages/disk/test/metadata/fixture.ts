import { strict as assert } from 'node:assert';
import { EterneError, MIB } from '@eterne/base';
import type { Random } from '@eterne/runtime';
import type { OpenMetadataOptions, VolumeMetadata } from '../../src/metadata/api.ts';
import { metadataBytes } from '../../src/metadata/layout.ts';
import { openMetadata } from '../../src/metadata/open.ts';
import { derivedUuid } from '../../src/metadata/uuid.ts';
import { CrashStore } from './crash-store.ts';

export const VOLUME_BYTES = 256 * MIB;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    bytes: (lengthBytes) => Buffer.from(Array.from({ length: lengthBytes }, () => next() * 256)),
    below: (bound) => Math.floor(next() * bound),
    uuid: () => derivedUuid(String(next()), String(next())),
  };
}

export function blankStore(sizeBytes = VOLUME_BYTES): CrashStore {
  return new CrashStore(Buffer.alloc(metadataBytes(sizeBytes)));
}

export function optionsFor(
  store: CrashStore,
  changes: Partial<OpenMetadataOptions> = {},
): OpenMetadataOptions {
  const base = { store, random: seededRandom(1), volume: 'v0', node: 'a', sizeBytes: VOLUME_BYTES };
  return { ...base, peers: ['b'], ...changes };
}

/** Opens on a store that answers at once; undefined when the store went silent. */
export function tryOpen(options: OpenMetadataOptions): VolumeMetadata | EterneError | undefined {
  let result: VolumeMetadata | EterneError | undefined;
  openMetadata(options, (opened) => {
    assert.equal(result, undefined, 'answered once');
    result = opened;
  });
  return result;
}

export function opened(options: OpenMetadataOptions): VolumeMetadata {
  const result = tryOpen(options);
  assert(result !== undefined, 'the store is silent');
  if (result instanceof EterneError) throw result;
  return result;
}

export function refused(options: OpenMetadataOptions): EterneError {
  const result = tryOpen(options);
  assert(result instanceof EterneError, 'refused');
  return result;
}

/** The call's answer, which must have come at once and be a success. */
export function succeeds(call: (done: (error: EterneError | undefined) => void) => void): void {
  let answers = 0;
  call((error) => {
    assert.equal(error, undefined);
    answers += 1;
  });
  assert.equal(answers, 1);
}
