/** The service daemon: the replicated state and its decisions, the API and the console. */
import { EterneError } from '@eterne/base';
import { socketAddress } from '@eterne/cluster/node/layout.ts';
import { listenLinks } from '@eterne/cluster/node/link.ts';
import { Watcher } from '@eterne/cluster/node/watcher.ts';
import { startDaemon } from '../daemon.ts';

startDaemon('service', ({ dir, world, launcher, giveUp }) => {
  const accept = () => ({
    onCall: (_name: string, _body: unknown, reply: (result: { ok: unknown }) => void) => reply({ ok: null }),
    onNote: () => {},
    onClose: () => {},
  });
  listenLinks(world, socketAddress(dir, 'service'), accept, (listener) => {
    if (listener instanceof EterneError) return giveUp(listener);
  });
  for (const other of ['monitor', 'heart'] as const) new Watcher(world, launcher, dir, other);
  process.on('SIGTERM', () => process.exit(0));
});
