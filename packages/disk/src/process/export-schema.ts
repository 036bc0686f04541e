/** Front ends of a volume, as they are written in a configuration. */
import * as z from 'zod';
import { ATTACH_CHOICES } from '../attach/choose.ts';

export const address = z.string().regex(/^(unix:.+|.+:\d{1,5})$/, 'an address is host:port or unix:path');
export const tcpAddress = z.string().regex(/^.+:\d{1,5}$/, 'a replication address is host:port');
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
export const tls = z.strictObject({ ca: z.string().min(1), cert: z.string().min(1), key: z.string().min(1) });

export const nbdExport = z.strictObject({ listen: address, tls: tls.optional() });
export const iscsiExport = z.strictObject({
  listen: tcpAddress,
  iqn: iscsiName,
  initiators: z.array(iscsiName).optional(),
  chap: chap.optional(),
});

export const exportEntry = z.union([
  z.strictObject({ attach: z.enum(ATTACH_CHOICES) }),
  z.strictObject({ nbd: nbdExport }),
  z.strictObject({ iscsi: iscsiExport }),
]);
