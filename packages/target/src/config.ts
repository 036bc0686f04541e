/** The configuration of `eterne target run`: YAML, strict (unknown keys are refused), paths relative to the file. */
import { dirname, resolve } from 'node:path';
import { EterneError, parseSizeBytes } from '@eterne/base';
import { parse } from 'yaml';
import { z } from 'zod';
import { MAX_PHYSICAL_BLOCK_BYTES } from './limits.ts';
import type { LunConfig } from './lun/open-lun.ts';
import { SANITIZE_CHOICES } from './scsi/sanitize/sanitizer.ts';
import type { ChapCredentials } from './session/chap-exchange.ts';

export interface TargetSpec {
  readonly iqn: string;
  readonly luns: readonly LunConfig[];
  readonly initiators: readonly string[];
  readonly chap: ChapCredentials | undefined;
}

export interface TargetConfig {
  readonly controlPath: string | undefined;
  readonly portals: readonly string[];
  readonly targets: readonly TargetSpec[];
}

const MAX_LUN = 0x3fff;
const MAX_TARGETS = 256;
const MAX_LUNS = 256;
const iscsiName = z
  .string()
  .max(223)
  .regex(
    /^(iqn\.\d{4}-\d{2}\.[a-z0-9.:-]+|eui\.[0-9A-Fa-f]{16}|naa\.[0-9A-Fa-f]{16,32})$/,
    'not an iSCSI name (iqn.…, eui.…, naa.…)',
  );

const size = z.union([z.string(), z.number()]);

const lun = z.strictObject({
  lun: z.number().int().min(0).max(MAX_LUN),
  path: z.string().min(1),
  size: size.optional(),
  readOnly: z.boolean().default(false),
  thin: z.boolean().default(true),
  removable: z.boolean().default(false),
  blockSize: z.union([z.literal(512), z.literal(4096)]).default(512),
  physicalBlockSize: size.optional(),
  sanitize: z.enum(SANITIZE_CHOICES).default('erase'),
  sanitizeRate: size.default('8MiB'),
  serial: z
    .string()
    .regex(/^[\x21-\x7e]{1,36}$/, 'up to 36 printable ASCII characters')
    .optional(),
});

const chap = z
  .strictObject({
    user: z.string().min(1).max(255),
    password: z.string().min(1).max(255),
    mutualUser: z.string().min(1).max(255).optional(),
    mutualPassword: z.string().min(1).max(255).optional(),
  })
  .refine(
    (given) => (given.mutualUser === undefined) === (given.mutualPassword === undefined),
    'mutualUser and mutualPassword go together',
  )
  // RFC 7143 §12.1.3: the same secret in both directions lets an attacker reflect the challenge.
  .refine((given) => given.password !== given.mutualPassword, 'password and mutualPassword must differ');

const target = z.strictObject({
  iqn: iscsiName,
  luns: z.array(lun).min(1).max(MAX_LUNS),
  initiators: z.array(iscsiName).default([]),
  chap: chap.optional(),
});

const schema = z.strictObject({
  control: z.string().min(1).optional(),
  portals: z.array(z.string().min(1)).min(1),
  targets: z.array(target).min(1).max(MAX_TARGETS),
});

/** Throws `config` with the place and the reason. */
export function parseTargetConfig(text: string, path: string): TargetConfig {
  const folder = dirname(resolve(path));
  const parsed = schema.safeParse(parseYaml(text, path));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new EterneError(
      'config',
      `${path}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
    );
  }
  const { control, portals, targets } = parsed.data;
  checkUnique(
    path,
    'iqn',
    targets.map(({ iqn }) => iqn),
  );
  return {
    controlPath: control === undefined ? undefined : resolve(folder, control),
    portals,
    targets: targets.map((given) => {
      checkUnique(
        path,
        `lun of ${given.iqn}`,
        given.luns.map((unit) => unit.lun),
      );
      return {
        iqn: given.iqn,
        initiators: given.initiators,
        chap: given.chap,
        luns: given.luns.map((unit) => lunConfig(unit, folder)),
      };
    }),
  };
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new EterneError('config', `${path}: ${(error as Error).message.split('\n')[0] ?? 'malformed'}`, {
      cause: error,
    });
  }
}

function lunConfig(given: z.infer<typeof lun>, folder: string): LunConfig {
  return {
    lun: given.lun,
    path: resolve(folder, given.path),
    sizeBytes: given.size === undefined ? undefined : parseSizeBytes(given.size),
    readOnly: given.readOnly,
    thin: given.thin,
    removable: given.removable,
    blockBytes: given.blockSize,
    physicalBlockBytes: physicalBlockBytes(given),
    sanitize: { offers: given.sanitize, bytesPerSecond: parseSizeBytes(given.sanitizeRate) },
    serial: given.serial,
  };
}

function physicalBlockBytes({ blockSize, physicalBlockSize = blockSize }: z.infer<typeof lun>): number {
  const bytes = parseSizeBytes(physicalBlockSize);
  if (bytes >= blockSize && bytes <= MAX_PHYSICAL_BLOCK_BYTES && Number.isInteger(Math.log2(bytes)))
    return bytes;
  throw new EterneError(
    'config',
    `physicalBlockSize ${physicalBlockSize} is no power of two from ${blockSize} to ${MAX_PHYSICAL_BLOCK_BYTES}`,
  );
}

function checkUnique(path: string, what: string, values: readonly (string | number)[]): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw new EterneError('config', `${path}: ${what} ${twice} is given twice`);
}
