/**
 * Fetches what the tests of this folder boot: Debian's kernel, downloaded by apt-get and unpacked, not installed, so that no boot loader of this machine is touched.
 * Does nothing when it is there. `npm run fetch-kernel`, then `./eterne test kernel`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillImage, hasImage, imageFolder } from './support/image.ts';

const META_PACKAGE = 'linux-image-amd64';

if (!hasImage()) fetch();
process.stdout.write(`a kernel to test with is in ${imageFolder}\n`);

function fetch(): void {
  const folder = mkdtempSync(join(tmpdir(), 'eterne-kernel-'));
  try {
    const described = execFileSync('apt-cache', ['depends', META_PACKAGE], { encoding: 'utf8' });
    const name = /Depends: (linux-image-\S+)/.exec(described)?.[1];
    if (name === undefined) throw new Error(`apt knows no ${META_PACKAGE}: run apt-get update first`);
    execFileSync('apt-get', ['download', '-qq', name], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [archive] = readdirSync(folder);
    if (archive === undefined) throw new Error(`apt-get has not downloaded ${name}`);
    execFileSync('dpkg-deb', ['-x', archive, 'root'], { cwd: folder });
    fillImage(join(folder, 'root'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
