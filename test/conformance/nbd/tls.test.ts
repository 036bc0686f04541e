/** NBD over TLS with libnbd's tools: who has a certificate of the authority gets in, over TLS only. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { TestAuthority } from '../../../packages/runtime/test/support/certificates.ts';
import { missing, serve, type Served } from './support/served.ts';

const MIB = 1024 * 1024;
const run = promisify(execFile);
const authority = new TestAuthority();
const stranger = new TestAuthority();
let served: Served;

/** The folder in which libnbd looks for a client's certificate. */
function clientFolder(client: TestAuthority): string {
  client.issue('client');
  const folder = join(client.folder, 'pki');
  mkdirSync(folder);
  copyFileSync(join(authority.folder, 'ca.pem'), join(folder, 'ca-cert.pem'));
  copyFileSync(join(client.folder, 'client.pem'), join(folder, 'client-cert.pem'));
  copyFileSync(join(client.folder, 'client.key'), join(folder, 'client-key.pem'));
  return folder;
}

const secureUri = (folder: string): string => `nbds://${served.address}/v0?tls-certificates=${folder}`;

before(async () => {
  served = await serve(8 * MIB, '127.0.0.1:0', authority.issue('server', 'IP:127.0.0.1'));
});

after(async () => {
  await served.close();
  for (const { folder } of [authority, stranger]) rmSync(folder, { recursive: true });
});

describe('NBD over TLS', { skip: missing('nbdinfo'), timeout: 600_000 }, () => {
  it('is opened by a client with a certificate, which then reads and writes', async () => {
    const uri = secureUri(clientFolder(authority));
    const { stdout } = await run('nbdinfo', [uri]);
    assert.match(stdout, /protocol: newstyle-fixed with TLS/);
    assert.match(stdout, /export-size: 8388608/);
    const [image, back] = [join(served.folder, 'in.img'), join(served.folder, 'out.img')];
    writeFileSync(image, randomBytes(8 * MIB));
    await run('nbdcopy', ['--connections=2', '--flush', image, uri]);
    await run('nbdcopy', ['--connections=2', uri, back]);
    assert.ok(readFileSync(image).equals(readFileSync(back)));
  });

  it('is closed to a client without TLS, and to one of another authority', async () => {
    await assert.rejects(run('nbdinfo', [`nbd://${served.address}/v0`]), /not supported/);
    await assert.rejects(run('nbdinfo', [secureUri(clientFolder(stranger))]));
  });
});
