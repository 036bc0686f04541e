/** What the two superblock slots, the creation marker and the rest of a store together say. Pure; nothing is touched yet. */
import { EterneError, formatSize } from '@eterne/base';
import type { Uuid } from './api.ts';
import type { CreationStage } from './marker.ts';
import type { SlotContent, Superblock } from './superblock.ts';

export type Finding =
  | { readonly kind: 'ours'; readonly superblock: Superblock }
  /** Nothing was ever kept here, provided that the rest of the region reads as zeroes. */
  | { readonly kind: 'blank' }
  /** A creation that never ended: nothing was kept, start again. */
  | { readonly kind: 'half-created' };

export interface Expected {
  readonly volume: string;
  readonly node: string;
  readonly sizeBytes: number;
  readonly setLayout: Uuid;
}

export function judge(
  slots: readonly SlotContent[],
  marker: CreationStage | undefined,
  expected: Expected,
): Finding | EterneError {
  for (const slot of slots) {
    if (slot.kind !== 'unsupported') continue;
    return new EterneError('unsupported', `metadata format version ${slot.version} is unknown`, {
      hint: 'a newer Eterne wrote it; run that version',
    });
  }
  const valid = slots.filter((slot) => slot.kind === 'valid').map((slot) => slot.superblock);
  const newest = valid.reduce<Superblock | undefined>(
    (best, next) => (best === undefined || next.sequence > best.sequence ? next : best),
    undefined,
  );
  if (newest !== undefined) return belongs(valid, newest, expected);
  if (marker === 'creating') return { kind: 'half-created' };
  const ours = marker === 'created' || slots.some((slot) => slot.kind === 'corrupt');
  if (ours)
    return new EterneError('corrupt', 'both superblocks are damaged; nothing was changed', {
      hint: 'restore the metadata from a backup, or remove it: the replica is then rebuilt from a peer',
    });
  return slots.every((slot) => slot.kind === 'empty') ? { kind: 'blank' } : foreignData();
}

export function foreignData(): EterneError {
  return new EterneError('refused', 'the place for the metadata holds other data; nothing was changed', {
    hint: 'name another file or device, or zero this one first',
  });
}

function belongs(
  valid: readonly Superblock[],
  newest: Superblock,
  { volume, node, setLayout, sizeBytes }: Expected,
): Finding | EterneError {
  if (valid.some((superblock) => superblock.replicaUuid !== newest.replicaUuid))
    return new EterneError('corrupt', 'the two superblocks belong to different replicas', {
      hint: 'one was copied here from elsewhere; restore the metadata from a backup',
    });
  if (newest.volume !== volume || newest.node !== node)
    return new EterneError(
      'conflict',
      `this is the metadata of volume ${newest.volume} on ${newest.node}, not of ${volume} on ${node}`,
      { hint: 'check the metadata path in the configuration' },
    );
  if (newest.setLayout !== setLayout)
    return new EterneError(
      'conflict',
      `the volumes of mirror set ${volume}, their order or their sizes are not those that its metadata was made for`,
      { hint: 'set them back in the configuration; only the last volume of a set can have grown' },
    );
  return otherSize(newest, sizeBytes) ?? { kind: 'ours', superblock: newest };
}

/** A configuration may be as old as the volume: every size that it can have had since is right. */
function otherSize(found: Superblock, expectedBytes: number): EterneError | undefined {
  const { sizeBytes, volume } = found;
  const createdBytes = found.createdBytes === 0 ? sizeBytes : found.createdBytes;
  if (expectedBytes >= createdBytes && expectedBytes <= sizeBytes) return undefined;
  const grow = `eterne disk resize ${volume}`;
  return new EterneError(
    'conflict',
    `volume ${volume} has ${formatSize(sizeBytes)} (${sizeBytes} bytes), not ${expectedBytes} bytes`,
    {
      hint:
        expectedBytes > sizeBytes
          ? `set the size back in the configuration; \`${grow}\` makes it larger`
          : 'set the size back in the configuration; a volume never becomes smaller',
    },
  );
}
