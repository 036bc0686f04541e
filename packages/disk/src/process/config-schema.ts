/**
 * The grammar of `eterne disk run --config FILE` (docs/reference/disk.md): what may be written, key by key. Sizes and
 * durations come out in bytes and milliseconds, paths and addresses as written.
 */
import { EterneError, parseDurationMs, parseSizeBytes } from '@eterne/base';
import * as z from 'zod';
import { parseSchedule } from '../engine/verify/cron.ts';
import { SPLIT_BRAIN_ACTIONS } from '../engine/api.ts';

/** A parser of base as a schema: its `config` errors become issues at the right place of the file. */
function parsedBy<In, Out>(input: z.ZodType<In>, parse: (value: In) => Out) {
  return input.transform((value, context): Out => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof EterneError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

/** Travels on as text. */
function checkedSchedule(text: string): string {
  parseSchedule(text);
  return text;
}

const sizeBytes = parsedBy(z.union([z.string(), z.number()]), parseSizeBytes);
const durationMs = parsedBy(z.string(), parseDurationMs);

/** Names travel in file names, in the replication preface and in export names. */
const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a name is 1 to 64 letters, digits, dots, dashes or underscores',
  );

const address = z.string().regex(/^(unix:.+|.+:\d{1,5})$/, 'an address is host:port or unix:path');
const tcpAddress = z.string().regex(/^.+:\d{1,5}$/, 'a replication address is host:port');
const splitBrainAction = z.enum(SPLIT_BRAIN_ACTIONS);

const iscsiName = z
  .string()
  .max(223)
  .regex(
    /^(iqn\.\d{4}-\d{2}\.[a-z0-9.:-]+|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$/,
    'not an iSCSI name',
  );
const secret = z.string().min(1).max(255);
const chap = z
  .strictObject({
    user: secret,
    password: secret,
    mutualUser: secret.optional(),
    mutualPassword: secret.optional(),
  })
  .refine(
    (given) => (given.mutualUser === undefined) === (given.mutualPassword === undefined),
    'mutualUser and mutualPassword go together',
  )
  // RFC 7143 §12.1.3: the same secret in both directions lets an attacker reflect the challenge.
  .refine((given) => given.password !== given.mutualPassword, 'password and mutualPassword must differ');

/** PEM files. Both sides prove themselves. */
const tls = z.strictObject({ ca: z.string().min(1), cert: z.string().min(1), key: z.string().min(1) });

const exportEntry = z.union([
  z.strictObject({ attach: z.enum(['fuse']) }),
  z.strictObject({ nbd: z.strictObject({ listen: address, tls: tls.optional() }) }),
  z.strictObject({
    iscsi: z.strictObject({
      listen: tcpAddress,
      iqn: iscsiName,
      initiators: z.array(iscsiName).optional(),
      chap: chap.optional(),
    }),
  }),
]);

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
  peers: z.record(name, z.array(tcpAddress).min(1).max(8)).default({}),
  readPolicy: z.enum(['local', 'round-robin', 'least-pending', 'striped']).default('local'),
  initialSync: z.enum(['smart', 'full', 'none']).default('smart'),
  splitBrain: z
    .strictObject({
      zeroPrimaries: splitBrainAction.default('disconnect'),
      onePrimary: splitBrainAction.default('disconnect'),
      twoPrimaries: splitBrainAction.default('disconnect'),
    })
    .prefault({}),
  onPeerLost: z.enum(['continue', 'freeze', 'ask']).default('continue'),
  peerLost: z
    .strictObject({
      command: z.tuple([z.string().min(1)], z.string()),
      timeout: durationMs.prefault('10m'),
    })
    .optional(),
  resyncRate: z
    .strictObject({ min: sizeBytes, max: sizeBytes })
    .refine(({ min, max }) => min > 0 && min <= max, 'resyncRate needs 0 < min ≤ max')
    .prefault({ min: '4MiB', max: '1GiB' }),
  verify: z
    .strictObject({
      schedule: parsedBy(z.string().max(200), checkedSchedule),
      repair: z.boolean().default(false),
    })
    .optional(),
  congestion: z
    .strictObject({
      queue: sizeBytes.default(64 * 1024 * 1024),
      policy: z.enum(['slow', 'ahead']).default('slow'),
    })
    .refine(({ queue }) => queue >= 1024 * 1024 && queue <= 1024 * 1024 * 1024, 'a queue is 1MiB to 1GiB')
    .prefault({}),
  compress: z.enum(['none', 'zstd']).default('none'),
  linkChecksums: z.enum(['none', 'crc32c']).default('none'),
  diskTimeout: durationMs.refine((ms) => ms >= 100, 'diskTimeout is at least 100ms').prefault('30s'),
  onDiskError: z.enum(['serve-from-peer', 'move']).default('serve-from-peer'),
  rescueJournal: z
    .strictObject({
      path: z.string().min(1),
      max: sizeBytes.refine((bytes) => bytes >= 17 * 1024 * 1024, 'a rescue journal has at least 17MiB'),
      whenFull: z.enum(['pause', 'drop-oldest', 'off']).default('pause'),
    })
    .optional(),
  checksums: z.enum(['none', 'crc32c']).default('none'),
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
