/** The secrets in DIR besides node.json, each of mode 0600. */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { z } from 'zod';
import type { Authority } from './authority.ts';
import { settle } from './settle.ts';

const SECRET_MODE = 0o600;

/** DIR/ca.key: the authority's private key. Not there on a witness. */
export const authorityKeyPath = (dir: string): string => join(dir, 'ca.key');
/** DIR/admin.json: the first administrator, on the node where the cluster was founded. */
export const administratorPath = (dir: string): string => join(dir, 'admin.json');

const administrator = z.strictObject({
  api: z.string(),
  user: z.string(),
  password: z.string(),
  token: z.string(),
});
/** What `cluster init` prints. */
export type Administrator = z.infer<typeof administrator>;

/** DIR/founding.json: the document that the cluster begins with, where `cluster init` was told more than its defaults; likewise. */
export const foundingPath = (dir: string): string => join(dir, 'founding.json');

const foundingDocument = z.strictObject({ cluster: z.strictObject({ profile: z.enum(['lan', 'wan']) }) });
export type FoundingDocument = z.infer<typeof foundingDocument>;

export function writeAuthorityKey(files: Files, dir: string, keyPem: string): Promise<void> {
  return writeSecret(files, authorityKeyPath(dir), `${keyPem.trimEnd()}\n`);
}

export async function readAuthority(
  files: Files,
  dir: string,
  certPem: string,
): Promise<Authority | undefined> {
  const keyPem = await readText(files, authorityKeyPath(dir));
  return keyPem === undefined ? undefined : { certPem, keyPem };
}

export function writeAdministrator(files: Files, dir: string, content: Administrator): Promise<void> {
  return writeSecret(files, administratorPath(dir), `${JSON.stringify(content, null, 2)}\n`);
}

export function readAdministrator(files: Files, dir: string): Promise<Administrator | undefined> {
  return readFounded(files, administratorPath(dir), administrator);
}

export function writeFoundingDocument(files: Files, dir: string, content: FoundingDocument): Promise<void> {
  return writeSecret(files, foundingPath(dir), `${JSON.stringify(content, null, 2)}\n`);
}

export function readFoundingDocument(files: Files, dir: string): Promise<FoundingDocument | undefined> {
  return readFounded(files, foundingPath(dir), foundingDocument);
}

async function readFounded<T>(files: Files, path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readText(files, path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new EterneError('config', `${path} is not what cluster init wrote`, { cause });
  }
}

function writeSecret(files: Files, path: string, text: string): Promise<void> {
  return settle((done) => files.writeFileAtomic(path, Buffer.from(text), SECRET_MODE, done));
}

async function readText(files: Files, path: string): Promise<string | undefined> {
  const content = await settle<Buffer | undefined>((done) => files.readFile(path, done));
  return content?.toString('utf8');
}
