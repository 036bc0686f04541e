/**
 * How a volume behaves, whoever configures it: the keys that mean the same on a node alone and in a cluster.
 */
import { EterneError, parseDurationMs, parseSizeBytes } from '@eterne/base';
import * as z from 'zod';
import { SPLIT_BRAIN_ACTIONS, type VolumeConfig } from '../engine/api.ts';
import { parseSchedule } from '../engine/verify/cron.ts';

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

export const sizeBytes = parsedBy(z.union([z.string(), z.number()]), parseSizeBytes);
export const durationMs = parsedBy(z.string(), parseDurationMs);

const splitBrainAction = z.enum(SPLIT_BRAIN_ACTIONS);

/** Spread into the schema of a volume; `settingsOf` makes of it what the engine takes. */
export const settingsShape = {
  readPolicy: z.enum(['local', 'round-robin', 'least-pending', 'striped']).default('local'),
  splitBrain: z
    .strictObject({
      zeroPrimaries: splitBrainAction.default('disconnect'),
      onePrimary: splitBrainAction.default('disconnect'),
      twoPrimaries: splitBrainAction.default('disconnect'),
    })
    .prefault({}),
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
  checksums: z.enum(['none', 'crc32c']).default('none'),
  diskTimeout: durationMs.refine((ms) => ms >= 100, 'diskTimeout is at least 100ms').prefault('30s'),
};

export type VolumeSettings = Pick<
  VolumeConfig,
  | 'readPolicy'
  | 'splitBrain'
  | 'resyncRate'
  | 'verify'
  | 'congestion'
  | 'compress'
  | 'linkChecksums'
  | 'checksums'
  | 'diskTimeoutMs'
>;

export function settingsOf(given: z.output<z.ZodObject<typeof settingsShape>>): VolumeSettings {
  return {
    readPolicy: given.readPolicy,
    splitBrain: given.splitBrain,
    congestion: { queueBytes: given.congestion.queue, policy: given.congestion.policy },
    ...(given.verify === undefined ? {} : { verify: given.verify }),
    resyncRate: { minBytesPerSecond: given.resyncRate.min, maxBytesPerSecond: given.resyncRate.max },
    diskTimeoutMs: given.diskTimeout,
    compress: given.compress,
    linkChecksums: given.linkChecksums,
    checksums: given.checksums,
  };
}
