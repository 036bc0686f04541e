import { EterneError } from './errors.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB|PiB)?$/;
const SIZE_FACTOR: Record<string, number> = { B: 1, KiB: KIB, MiB: MIB, GiB: GIB, TiB: TIB, PiB: 1024 * TIB };

/** `1048576`, `64MiB`, `1.5GiB` → bytes. Throws `config` when malformed, not whole or not a safe integer. */
export function parseSizeBytes(text: string | number): number {
  const match = SIZE.exec(String(text).trim());
  const bytes = match ? Number(match[1]) * (SIZE_FACTOR[match[2] ?? 'B'] ?? Number.NaN) : Number.NaN;
  if (!Number.isSafeInteger(bytes))
    throw new EterneError('config', `not a size: ${JSON.stringify(text)}`, {
      hint: 'write for example 1048576, 64MiB or 1GiB',
    });
  return bytes;
}

const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;
const DURATION_FACTOR_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `2s`, `10m` → milliseconds. Throws `config` when malformed. */
export function parseDurationMs(text: string): number {
  const match = DURATION.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : DURATION_FACTOR_MS[match[2]];
  if (!match || factor === undefined)
    throw new EterneError('config', `not a duration: ${JSON.stringify(text)}`, {
      hint: 'write for example 500ms, 2s or 10m',
    });
  return Number(match[1]) * factor;
}

/** Bytes for people: `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toFixed(1))} ${units[unit]}`;
}
