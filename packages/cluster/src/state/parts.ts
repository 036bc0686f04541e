/**
 * Volumes with parts: several disks under one order of writes (a database's data and its log). Such a volume is a mirror set to `eterne disk`
 * (`docs/adr/a-mirror-set-is-one-volume.md`) and one volume to everything here: one term, one primary, one in-sync set. Only whoever opens, attaches, exports or
 * grows it knows of its parts.
 */
import { EterneError } from '@eterne/base';
import type { ReplicaSpec, VolumeExport, VolumePart, VolumeSpec } from './model.ts';

export const PARTS_MAX = 16;
/** As long as a name may be. */
const NAME_CHARACTERS_MAX = 63;

/** One part as the disk process has it: a volume of the set. */
export interface PartPlace {
  readonly part: VolumePart;
  /** Of this part on every node: in export names, sockets and file names. No volume has it (`partsRule`). */
  readonly fullName: string;
  readonly sizeBytes: number;
}

export function fullPartName(volume: string, part: string): string {
  return `${volume}.${part}`;
}

/** `volumeBytes`: the size of all parts together that is meant: wanted, present, or that of the beginning. The last part has what the others leave. */
export function partPlaces({ name, parts }: VolumeSpec, volumeBytes: number): readonly PartPlace[] {
  return parts.map((part, index) => ({
    part,
    fullName: fullPartName(name, part.name),
    sizeBytes: (parts[index + 1]?.startBytes ?? volumeBytes) - part.startBytes,
  }));
}

/** Devices of a replica: one, or one for each part. */
export function devicesOf({ device, behind = [] }: ReplicaSpec): readonly string[] {
  return [device, ...behind];
}

/** Of the volume, or of all its parts. */
export function exportsOf({ exports, parts }: VolumeSpec): readonly VolumeExport[] {
  return [...exports, ...parts.flatMap((part) => part.exports)];
}

/** Are they the same parts, in the same places? Their exports may differ. */
export function sameLayout(a: VolumeSpec, b: VolumeSpec): boolean {
  const layoutOf = ({ parts }: VolumeSpec): string =>
    parts.map(({ name, startBytes }) => `${name} ${startBytes}`).join();
  return layoutOf(a) === layoutOf(b);
}

/** What the parts of a volume may not be. `volumes`: every name there is. */
export function partsRule(spec: VolumeSpec, volumes: ReadonlySet<string>): string | undefined {
  const { name, parts, replicas, sizeBytes, exports } = spec;
  const subject = `volume ${name}`;
  const count = spec.joined?.devices.length ?? Math.max(1, parts.length);
  const uneven = replicas.find((replica) => devicesOf(replica).length !== count);
  if (uneven !== undefined)
    return `${subject} has ${count} ${count === 1 ? 'disk' : 'parts'}, but ${devicesOf(uneven).length} devices on ${uneven.node}`;
  if (parts.length === 0) return undefined;
  if (parts.length > PARTS_MAX) return `${subject} has more than ${PARTS_MAX} parts`;
  if (new Set(parts.map((part) => part.name)).size < parts.length)
    return `${subject} has two parts of one name`;
  if (exports.length > 0) return `${subject} has parts, so that each is exported by itself`;
  const isInOrder = parts.every(({ startBytes }, index) =>
    index === 0 ? startBytes === 0 : startBytes > (parts[index - 1]?.startBytes ?? 0),
  );
  if (!isInOrder || (parts.at(-1)?.startBytes ?? 0) >= sizeBytes)
    return `${subject} has a part without any room`;
  return nameRule(spec, volumes);
}

function nameRule({ name, parts }: VolumeSpec, volumes: ReadonlySet<string>): string | undefined {
  for (const part of parts) {
    const fullName = fullPartName(name, part.name);
    if (volumes.has(fullName))
      return `part ${part.name} of volume ${name} is called ${fullName} on its nodes, and so is a volume`;
    if (fullName.length > NAME_CHARACTERS_MAX)
      return `${fullName}, which part ${part.name} of volume ${name} is called on its nodes, is longer than ${NAME_CHARACTERS_MAX} characters`;
  }
  return undefined;
}

/** Throws `usage` unless it is said which part grows, where there are parts; `refused` for any but the last. */
export function resized(spec: VolumeSpec, part: string | undefined, sizeBytes: number): VolumeSpec {
  const { name, parts } = spec;
  const last = parts.at(-1);
  if (part !== undefined && parts.every((each) => each.name !== part))
    throw new EterneError('not-found', `volume ${name} has no part ${part}`);
  if (last === undefined) return { ...spec, sizeBytes };
  if (part === last.name) return { ...spec, sizeBytes: last.startBytes + sizeBytes };
  if (part === undefined)
    throw new EterneError('usage', `volume ${name} has parts: say which one is to grow`, {
      hint: `only ${last.name} can, the last one`,
    });
  throw new EterneError('refused', `${part} does not lie at the end of volume ${name}`, {
    hint: `only ${last.name} can grow, the last part`,
  });
}
