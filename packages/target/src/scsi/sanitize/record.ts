/**
 * A SANITIZE that has begun (SBC-3 §4.11), as it is kept beside the LUN (`checked-json.ts`) until it has ended. Version 1:
 * `{"version":1,"state":"running","unrestricted":false,"method":{"kind":"overwrite","pattern":"aa","passes":1,"invert":false},"sizeBytes":104857600,"doneBytes":0}`;
 * `pattern` is one logical block in hexadecimal, or what is repeated to fill it; the other method is `{"kind":"block-erase"}`.
 */
import { EterneError } from '@eterne/base';
import { z } from 'zod';
import { decodeCheckedJson, encodeCheckedJson } from '../../checked-json.ts';

export const MAX_PATTERN_BYTES = 4096;
/** OVERWRITE COUNT has five bits. */
export const MAX_PASSES = 31;

export type SanitizeMethod =
  | { readonly kind: 'block-erase' }
  | {
      readonly kind: 'overwrite';
      readonly pattern: Buffer;
      readonly passes: number;
      /** The pattern is inverted from pass to pass, so that the last one writes it as it is. */
      readonly invert: boolean;
    };

export interface SanitizeJob {
  readonly method: SanitizeMethod;
  /** AUSE: EXIT FAILURE MODE may end the failure of it. */
  readonly unrestricted: boolean;
}

export interface SanitizeRecord {
  readonly job: SanitizeJob;
  readonly state: 'running' | 'failed';
  /** Of the LUN when it began. */
  readonly sizeBytes: number;
  /** Written and flushed, over all passes. */
  readonly doneBytes: number;
}

export interface SanitizeStore {
  /** Durable when done without an error; `undefined`: nothing is being sanitized. */
  save(record: SanitizeRecord | undefined, done: (error: EterneError | undefined) => void): void;
}

const bytes = z.number().int().nonnegative();
const schema = z.strictObject({
  version: z.literal(1),
  state: z.enum(['running', 'failed']),
  unrestricted: z.boolean(),
  method: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('block-erase') }),
    z.strictObject({
      kind: z.literal('overwrite'),
      pattern: z
        .string()
        .max(2 * MAX_PATTERN_BYTES)
        .regex(/^([0-9a-f]{2})+$/),
      passes: z.number().int().min(1).max(MAX_PASSES),
      invert: z.boolean(),
    }),
  ]),
  sizeBytes: bytes,
  doneBytes: bytes,
});

export function encodeSanitize({ job, state, sizeBytes, doneBytes }: SanitizeRecord): Buffer {
  const { method, unrestricted } = job;
  const written =
    method.kind === 'overwrite' ? { ...method, pattern: method.pattern.toString('hex') } : method;
  return encodeCheckedJson({ version: 1, state, unrestricted, method: written, sizeBytes, doneBytes });
}

/** `corrupt` when it is not what `encodeSanitize` wrote: whether a LUN is to be erased is never guessed. */
export function decodeSanitize(content: Buffer, path: string): SanitizeRecord | EterneError {
  const parsed = schema.safeParse(decodeCheckedJson(content));
  if (!parsed.success)
    return new EterneError('corrupt', `the file of an unfinished SANITIZE, ${path}, is damaged`, {
      hint: 'delete it if the LUN is to be used as it is; what it holds was to be erased',
    });
  const { state, unrestricted, method, sizeBytes, doneBytes } = parsed.data;
  const read: SanitizeMethod =
    method.kind === 'overwrite' ? { ...method, pattern: Buffer.from(method.pattern, 'hex') } : method;
  return { job: { method: read, unrestricted }, state, sizeBytes, doneBytes };
}
