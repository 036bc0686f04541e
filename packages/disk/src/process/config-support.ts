/**
 * What the grammar allows and the engine cannot do yet. Such a configuration is refused: a key that is silently ignored would be a
 * promise broken. A line goes when its feature arrives.
 */
import type { DiskConfigDocument, VolumeDocument } from './config-schema.ts';

export interface Complaint {
  /** Where in the document. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const UNSUPPORTED: readonly (readonly [
  key: keyof VolumeDocument,
  value: string,
  isUsed: (v: VolumeDocument) => boolean,
])[] = [
  [
    'devices',
    'several local devices together with peers',
    ({ devices, peers }) => devices !== undefined && Object.keys(peers).length > 0,
  ],
  [
    'devices',
    'a rescue journal beside several local devices',
    ({ devices, rescueJournal }) => devices !== undefined && rescueJournal !== undefined,
  ],
];

export function unsupportedFeatures(document: DiskConfigDocument): readonly Complaint[] {
  return document.volumes.flatMap((volume, index) =>
    UNSUPPORTED.filter(([, , isUsed]) => isUsed(volume)).map(([key, value]) => ({
      path: ['volumes', index, key],
      message: `volume ${volume.name}: ${value} is not supported yet`,
    })),
  );
}
