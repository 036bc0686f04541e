/** Opens where a replica's data is: one device, or one for each volume of a mirror set. */
import { EterneError } from '@eterne/base';
import type { BlockStore, World } from '@eterne/runtime';
import type { VolumeConfig } from '../api.ts';
import { ChainedStore, type ChainedPart } from '../set/chained-store.ts';
import { windowOf } from '../set/members.ts';

/** `metadataPath` of a volume whose metadata lies on its own device. */
export const INTERNAL_METADATA = 'internal';

type Opened = (result: BlockStore | EterneError) => void;

interface Needed {
  readonly path: string;
  readonly start: number;
  readonly sizeBytes: number;
}

/** Opens, creates or grows it. On an error nothing stays open. */
export function openDevice(world: World, config: VolumeConfig, neededBytes: number, done: Opened): void {
  const [first, ...rest] = devicesOf(config, neededBytes);
  if (first === undefined) return done(new EterneError('config', `volume ${config.name} has no device`));
  if (config.members === undefined) return openOne(world, config, first, done);
  const parts: ChainedPart[] = [];
  const next = (needed: Needed | undefined): void => {
    if (needed === undefined) return done(new ChainedStore(parts));
    openOne(world, config, needed, (store) => {
      if (store instanceof EterneError) return closeAll(parts, () => done(store));
      parts.push({ start: needed.start, store });
      next(rest.shift());
    });
  };
  next(first);
}

/** The path of a data file that is gone; a file that was cut to nothing is as lost as one that is not there. */
export function findMissing(
  world: World,
  config: VolumeConfig,
  done: (result: string | undefined | EterneError) => void,
): void {
  const paths = devicesOf(config, config.sizeBytes).map(({ path }) => path);
  const next = (): void => {
    const path = paths.shift();
    if (path === undefined) return done(undefined);
    world.stores.open(path, { timeoutMs: config.diskTimeoutMs, readOnly: true }, (device) => {
      if (device instanceof EterneError) return done(device.code === 'not-found' ? path : device);
      device.close(() => (device.sizeBytes === 0 ? done(path) : next()));
    });
  };
  next();
}

function devicesOf({ devicePath, members }: VolumeConfig, neededBytes: number): Needed[] {
  if (members === undefined) return [{ path: devicePath, start: 0, sizeBytes: neededBytes }];
  return members.map((member, index) => ({
    path: member.devicePath,
    ...windowOf(members, index, neededBytes),
  }));
}

function openOne(world: World, config: VolumeConfig, { path, sizeBytes }: Needed, done: Opened): void {
  const options = { createSizeBytes: sizeBytes, timeoutMs: config.diskTimeoutMs };
  world.stores.open(path, options, (device) => {
    if (device instanceof EterneError || device.sizeBytes >= sizeBytes) done(device);
    else device.close(() => done(tooSmall(config, path, sizeBytes)));
  });
}

function closeAll(parts: readonly ChainedPart[], done: () => void): void {
  if (parts.length === 0) done();
  else new ChainedStore(parts).close(done);
}

function tooSmall({ metadataPath }: VolumeConfig, path: string, neededBytes: number): EterneError {
  if (metadataPath !== INTERNAL_METADATA)
    return new EterneError('config', `${path} is smaller than the volume (${neededBytes} bytes)`);
  return new EterneError(
    'config',
    `${path} is smaller than the volume with its metadata (${neededBytes} bytes)`,
    { hint: 'name another place for the metadata' },
  );
}
