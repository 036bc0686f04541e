/** Entry point of a volume's worker process with every front end there is; started by the disk process. */
import { EterneError } from '@eterne/base';
import { runVolumeWorker } from '@eterne/disk/process/run-worker.ts';
import { ISCSI_BRIDGE } from './iscsi-bridge.ts';

runVolumeWorker({
  iscsiBridge: ISCSI_BRIDGE,
  /** Loaded where it is wanted: most volumes are not exported by iSCSI, and each has a process of its own. */
  listenFrontEnd(site, spec, done) {
    if (spec.kind !== 'iscsi')
      return done(new EterneError('unsupported', `${spec.kind} exports are not supported here`));
    void import('@eterne/target/volume/front-end.ts').then(({ VolumeFrontEnd }) =>
      VolumeFrontEnd.listen(site, spec, done),
    );
  },
});
