/** A volume's worker as in production, except that devices named `*.null` hold nothing: what is left is the engine and the network. */
import { runVolumeWorker } from '@eterne/disk/process/run-worker.ts';
import type { Stores } from '@eterne/runtime';
import { nullStore } from './null-store.ts';

runVolumeWorker({
  stores: (files): Stores => ({
    open(path, options, done) {
      if (!path.endsWith('.null')) files.open(path, options, done);
      else setImmediate(() => done(nullStore(options.createSizeBytes ?? 0)));
    },
  }),
});
