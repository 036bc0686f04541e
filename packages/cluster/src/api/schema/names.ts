import { z } from 'zod';
import { NAME } from '../../node/identity.ts';

/** Node, group, volume and resource names; see `NAME`. */
export const name = z.string().regex(NAME, 'letters, digits, dot, dash and underscore, at most 63');
export const nameParams = z.strictObject({ name });
/** What an order answers: it is committed. */
export const accepted = z.object({ accepted: z.literal(true) });
export const noBody = z.undefined().or(z.null()).or(z.strictObject({}));
