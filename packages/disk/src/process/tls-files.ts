/** Certificates as a configuration names them: paths of PEM files, read when they are needed, so that no secret is in a configuration or on its way. */
import { EterneError } from '@eterne/base';
import type { TlsIdentity, World } from '@eterne/runtime';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

type Content = Buffer | EterneError;

/** Errors: `config`, which name the file. */
export function loadTls(
  { files }: Pick<World, 'files'>,
  paths: TlsFiles,
  done: (result: TlsIdentity | EterneError) => void,
): void {
  const read = (path: string, marker: string, next: (pem: string) => void): void =>
    files.readFile(path, (content) => {
      const pem = textOf(path, marker, content ?? new EterneError('not-found', 'it does not exist'));
      if (pem instanceof EterneError) done(pem);
      else next(pem);
    });
  read(paths.ca, 'CERTIFICATE', (caPem) =>
    read(paths.cert, 'CERTIFICATE', (certPem) =>
      read(paths.key, 'PRIVATE KEY', (keyPem) => done({ caPem, certPem, keyPem })),
    ),
  );
}

function textOf(path: string, marker: string, content: Content): string | EterneError {
  if (content instanceof EterneError) return new EterneError('config', `${path}: ${content.message}`);
  const text = content.toString('latin1');
  return text.includes(`${marker}-----`)
    ? text
    : new EterneError('config', `${path} holds no PEM ${marker.toLowerCase()}`);
}
