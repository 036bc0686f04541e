/** An authority of its own and certificates by it, made with openssl. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsIdentity } from '../../src/index.ts';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

export class TestAuthority {
  /** Holds `ca.pem`, and `NAME.pem` and `NAME.key` of each `issue`; to be removed by the test. */
  readonly folder = mkdtempSync(join(tmpdir(), 'eterne-ca-'));

  constructor() {
    this.#openssl(
      'req',
      '-x509',
      ...CURVE,
      '-subj',
      '/CN=test authority',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
    );
  }

  /** `alternative`: further names, for example `IP:127.0.0.1`. */
  issue(name: string, alternative = `DNS:${name}`): TlsIdentity {
    const out = ['-addext', `subjectAltName=${alternative}`, '-keyout', `${name}.key`, '-out', `${name}.pem`];
    this.#openssl(
      'req',
      '-x509',
      ...CURVE,
      '-subj',
      `/CN=${name}`,
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      ...out,
    );
    return {
      certPem: this.#read(`${name}.pem`),
      keyPem: this.#read(`${name}.key`),
      caPem: this.#read('ca.pem'),
    };
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }

  #read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }
}
