/** Debian's `tgtd` with one LUN on a buffered file, as `tgt-admin` would set it up. */
import { execFileSync } from 'node:child_process';
import { freePort } from '@eterne/runtime/node/ports.ts';
import { sleep, type Servers } from './processes.ts';

export const TGT_IQN = 'iqn.2026-11.io.eterne:tgt';

/** Returns the URI of the LUN. */
export async function startTgt(servers: Servers, file: string): Promise<string> {
  const port = await freePort();
  // A number below 32768 that names its control socket.
  const control = String(port % 32_768);
  servers.start('tgtd', ['-f', '-C', control, '--iscsi', `portal=127.0.0.1:${port}`]);
  const admin = (...words: string[]): void => {
    execFileSync('tgtadm', ['-C', control, '--lld', 'iscsi', ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };
  for (let tries = 0; ; tries += 1) {
    await sleep(100);
    try {
      admin('--op', 'new', '--mode', 'target', '--tid', '1', '-T', TGT_IQN);
      break;
    } catch (error) {
      if (tries === 50) throw error;
    }
  }
  admin('--op', 'new', '--mode', 'logicalunit', '--tid', '1', '--lun', '1', '-b', file);
  admin('--op', 'bind', '--mode', 'target', '--tid', '1', '-I', 'ALL');
  return `iscsi://127.0.0.1:${port}/${TGT_IQN}/1`;
}
