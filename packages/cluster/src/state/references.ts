/** What a group's resources refer to: volumes by name, earlier resources by `${name.key}`. */
import type { GroupSpec, ResourceDefinition } from './model.ts';

/** The type of the resource that makes its node primary of a volume. */
export const MIRROR = 'mirror';

/** Volume of a mirror resource; undefined for every other type. */
export function volumeOf(resource: ResourceDefinition): string | undefined {
  const volume = resource.params['volume'];
  return resource.type === MIRROR && typeof volume === 'string' ? volume : undefined;
}

export function volumesOf(group: GroupSpec): readonly string[] {
  return group.resources.map(volumeOf).filter((volume) => volume !== undefined);
}

/** Keys under which a mirror resource offers the device and the socket of a part. */
export const deviceKey = (part: string): string => `device_${part}`;
export const socketKey = (part: string): string => `socket_${part}`;

/** What a mirror resource offers. `parts`: names; none: its volume is one disk. */
export function mirrorKeys(parts: readonly string[]): readonly string[] {
  const own =
    parts.length === 0 ? ['device', 'socket'] : parts.flatMap((part) => [deviceKey(part), socketKey(part)]);
  return ['volume', ...own];
}

/** Where a resource mounts a file system; undefined: it mounts none, or where is not known before it starts. */
export function mountPointOf({
  type,
  params,
}: Pick<ResourceDefinition, 'type' | 'params'>): string | undefined {
  const own = type === 'ocf:heartbeat:Filesystem' ? params['params'] : params;
  if (type !== 'filesystem' && own === params) return undefined;
  const directory = typeof own === 'object' && own !== null && 'directory' in own ? own.directory : undefined;
  return typeof directory === 'string' && !directory.includes('${') ? directory : undefined;
}

export interface Reference {
  readonly resource: string;
  readonly key: string;
}

const REFERENCE = /\$\{([A-Za-z0-9_-]+)\.([A-Za-z0-9_]+)\}/g;

/** Every `${resource.key}` in `value`, however deep. */
export function referencesIn(value: unknown): readonly Reference[] {
  if (typeof value === 'string')
    return [...value.matchAll(REFERENCE)].map((match) => ({
      resource: match[1] ?? '',
      key: match[2] ?? '',
    }));
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(referencesIn);
}

/** `outputs`: resource → key → value. Throws nothing: an output that is missing becomes the empty text and `missing` names it. */
export function replaceReferences(
  params: Readonly<Record<string, unknown>>,
  outputs: ReadonlyMap<string, Readonly<Record<string, string>>>,
): { readonly params: Readonly<Record<string, unknown>>; readonly missing: readonly Reference[] } {
  const missing: Reference[] = [];
  const replaceIn = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replaceAll(REFERENCE, (_, resource: string, key: string) => {
        const output = outputs.get(resource)?.[key];
        if (output === undefined) missing.push({ resource, key });
        return output ?? '';
      });
    if (Array.isArray(value)) return value.map(replaceIn);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaceIn(inner)]));
  };
  const replaced = Object.entries(params).map(([key, value]) => [key, replaceIn(value)] as const);
  return { params: Object.fromEntries(replaced), missing };
}
