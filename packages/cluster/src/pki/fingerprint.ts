import { createHash, X509Certificate } from 'node:crypto';
import { EterneError } from '@eterne/base';

/** SHA-256 over the DER of a PEM certificate: what tokens pin. Throws `corrupt` when it is not a certificate. */
export function certificateFingerprint(certPem: string): Buffer {
  try {
    return createHash('sha256').update(new X509Certificate(certPem).raw).digest();
  } catch (cause) {
    throw new EterneError('corrupt', 'not a certificate', { cause });
  }
}
