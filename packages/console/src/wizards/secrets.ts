/** What is written into a wizard and not shown again. Pure. */
import { stringify } from 'yaml';

/** What the cluster shows in place of a secret that it has. */
export const MASK = '********';
/** In place of one that was written just now: whoever copies the document has to write it. */
const WRITTEN = '<secret>';

/** As the cluster's own rules. */
const SECRET = /pass|secret|token|community|(^|_)key($|_)|credential/i;
const HARMLESS = /(_script|_file|_path)$|^ipport$/i;

export function isSecret(name: string): boolean {
  return SECRET.test(name) && !HARMLESS.test(name);
}

/** A document as YAML. */
export function withoutSecrets(document: unknown): string {
  return stringify(document, (key: unknown, value: unknown) =>
    typeof key === 'string' && typeof value === 'string' && isWritten(key, value) ? WRITTEN : value,
  );
}

/** `key` may be the file of one. */
function isWritten(key: string, value: string): boolean {
  return isSecret(key) && value !== MASK && !(key === 'key' && value.startsWith('/'));
}
