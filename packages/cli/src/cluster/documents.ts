/** YAML (or JSON, its subset) files that the operator hands in. */
import { EterneError } from '@eterne/base';
import type { Files } from '@eterne/runtime';
import { settle } from '@eterne/cluster/pki/settle.ts';
import { parseDocument } from 'yaml';

const DOCUMENT_MAX_BYTES = 1024 * 1024;

/** Throws `config` in one line with the file's name and position. */
export async function readDocument(files: Files, path: string): Promise<object> {
  const content = await settle<Buffer | undefined>((done) => files.readFile(path, done));
  if (content === undefined) throw new EterneError('config', `${path} does not exist`);
  if (content.length > DOCUMENT_MAX_BYTES) throw new EterneError('config', `${path} is larger than 1 MiB`);
  const document = parseDocument(content.toString('utf8'), { uniqueKeys: true, prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new EterneError('config', `${path}: ${firstLine(error.message)}`);
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EterneError('config', `${path} ${value === null ? 'is empty' : 'is no mapping of keys'}`, {
      hint: 'a document has lines such as `groups: [ … ]`; `eterne config show` prints one',
    });
  return value;
}

/** Without the colon that leads to the excerpt. */
const firstLine = (text: string): string => (text.split('\n', 1)[0] ?? '').replace(/:$/, '');
