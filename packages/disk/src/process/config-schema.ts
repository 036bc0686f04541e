/**
 * The grammar of `eterne disk run --config FILE` (docs/reference/disk.md): what may be written, key by key. Sizes and
 * durations come out in bytes and milliseconds, paths and addresses as written.
 */
import * as z from 'zod';
import { durationMs, settingsShape, sizeBytes } from './config-settings.ts';
import { exportEntry, tcpAddress, tls } from './export-schema.ts';

/** Names travel in file names, in the replication preface and in export names. */
const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a name is 1 to 64 letters, digits, dots, dashes or underscores',
  );

const volume = z.strictObject({
  name,
  size: sizeBytes.refine(
    (bytes) => bytes > 0 && bytes % 4096 === 0,
    'a size is a positive multiple of 4 KiB',
  ),
  mode: z.enum(['sync', 'async']).default('sync'),
  device: z.string().min(1).optional(),
  devices: z
    .record(name, z.string().min(1))
    .refine((given) => Object.keys(given).length >= 2, 'devices are at least two')
    .refine((given) => Object.keys(given).length <= 8, 'devices are at most eight')
    .optional(),
  metadata: z.string().min(1),
  ...settingsShape,
  peers: z.record(name, z.array(tcpAddress).min(1).max(8)).default({}),
  initialSync: z.enum(['smart', 'full', 'none']).default('smart'),
  onPeerLost: z.enum(['continue', 'freeze', 'ask']).default('continue'),
  peerLost: z
    .strictObject({
      command: z.tuple([z.string().min(1)], z.string()),
      timeout: durationMs.prefault('10m'),
    })
    .optional(),
  onDiskError: z.enum(['serve-from-peer', 'move']).default('serve-from-peer'),
  rescueJournal: z
    .strictObject({
      path: z.string().min(1),
      max: sizeBytes.refine((bytes) => bytes >= 17 * 1024 * 1024, 'a rescue journal has at least 17MiB'),
      whenFull: z.enum(['pause', 'drop-oldest', 'off']).default('pause'),
    })
    .optional(),
  exports: z.array(exportEntry).max(8).default([]),
});

export const diskConfigSchema = z.strictObject({
  node: name,
  control: z.string().min(1),
  replication: z.strictObject({ listen: tcpAddress, tls: tls.optional() }).optional(),
  volumes: z.array(volume).max(256),
  mirrorSets: z.array(z.strictObject({ name, volumes: z.array(name).min(1) })).default([]),
});

export type DiskConfigDocument = z.output<typeof diskConfigSchema>;
export type VolumeDocument = DiskConfigDocument['volumes'][number];
