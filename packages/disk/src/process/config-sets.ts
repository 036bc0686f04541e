/** Rules of `mirrorSets`: what volumes must have in common to be mirrored as one. */
import { isDeepStrictEqual } from 'node:util';
import type { DiskConfigDocument, VolumeDocument } from './config-schema.ts';
import type { Complaint } from './config-support.ts';

/** Of the whole set, so every volume of it says the same. */
const IN_COMMON = [
  'mode',
  'peers',
  'readPolicy',
  'initialSync',
  'splitBrain',
  'onPeerLost',
  'resyncRate',
  'verify',
  'congestion',
  'compress',
  'linkChecksums',
  'diskTimeout',
  'onDiskError',
  'checksums',
] as const satisfies readonly (keyof VolumeDocument)[];

export function brokenSetRules(document: DiskConfigDocument): readonly Complaint[] {
  const { mirrorSets, volumes } = document;
  const seen = new Set<string>();
  return mirrorSets.flatMap(({ name, volumes: members }, index) => {
    const path = ['mirrorSets', index];
    const complaints: Complaint[] = [];
    const complain = (message: string): void => {
      complaints.push({ path, message: `mirror set ${name}: ${message}` });
    };
    if (
      volumes.some((volume) => volume.name === name) ||
      mirrorSets.findIndex((set) => set.name === name) < index
    )
      complain('a volume or another set has this name');
    for (const member of members) {
      if (seen.has(member)) complain(`volume ${member} is in a set already`);
      seen.add(member);
    }
    const [first, ...others] = members.map((member) => volumes.find((volume) => volume.name === member));
    const unknown = members.find((member) => volumes.every((volume) => volume.name !== member));
    if (unknown !== undefined) complain(`there is no volume ${unknown}`);
    if (first?.metadata === 'internal')
      complain('its metadata, that of its first volume, must be in a file or on a device of its own');
    const several = volumes.find((volume) => members.includes(volume.name) && volume.devices !== undefined);
    if (several !== undefined)
      complain(`${several.name} has several devices, which no volume of a set may have`);
    for (const other of others)
      if (first !== undefined && other !== undefined) compare(first, other, complain);
    return complaints;
  });
}

function compare(first: VolumeDocument, other: VolumeDocument, complain: (message: string) => void): void {
  const differing = IN_COMMON.find((key) => !isDeepStrictEqual(first[key], other[key]));
  if (differing !== undefined) complain(`${differing} of ${other.name} is not that of ${first.name}`);
  if (other.metadata === 'internal') complain(`metadata of ${other.name} must be a path`);
  if (other.rescueJournal !== undefined && !isDeepStrictEqual(other.rescueJournal, first.rescueJournal))
    complain(`its rescue journal is that of ${first.name}; ${other.name} has none`);
}
