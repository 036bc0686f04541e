/**
 * What the control socket answers with something else than a volume's status:
 * ```
 *   POST /v1/volumes/NAME/explain-split-brain                      {"splitBrains":[…]}: one for each peer that there is one with
 *   POST /v1/volumes/NAME/rescue-list                              {"points":[…]}
 *   POST /v1/volumes/NAME/rescue-export   {"id"?,"path"}           {"points":[…]} when the image is written; without id: the newest kept
 *   POST /v1/volumes/NAME/rescue-drop     {"id"}                   {"points":[…]}
 * ```
 * They change no data, so that they are answered on a cluster's node as well.
 */
import { EterneError } from '@eterne/base';
import * as z from 'zod';
import type { VolumeCall } from './worker-messages.ts';

const id = z.int().min(1);
const nothing = z.strictObject({}).prefault({});
const path = z.string().startsWith('/', 'a path is absolute').max(4096);

const questions = {
  'explain-split-brain': nothing.transform((): VolumeCall => ({ verb: 'explain-split-brain' })),
  'rescue-list': nothing.transform((): VolumeCall => ({ verb: 'rescue', action: { kind: 'list' } })),
  'rescue-export': z.strictObject({ id: id.optional(), path }).transform((body): VolumeCall => ({
    verb: 'rescue',
    action: { kind: 'export', path: body.path, ...(body.id === undefined ? {} : { id: body.id }) },
  })),
  'rescue-drop': z
    .strictObject({ id })
    .transform((body): VolumeCall => ({ verb: 'rescue', action: { kind: 'drop', id: body.id } })),
};

/** Undefined for a verb that is no question; a `usage` error for a wrong body. */
export function questionOf(verb: string, body: unknown): VolumeCall | EterneError | undefined {
  if (!Object.hasOwn(questions, verb)) return undefined;
  const parsed = questions[verb as keyof typeof questions].safeParse(body);
  if (parsed.success) return parsed.data;
  return new EterneError('usage', `${verb}: ${parsed.error.issues[0]?.message ?? 'wrong body'}`);
}
