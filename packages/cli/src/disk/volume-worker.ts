/** Entry point of a volume's worker process with every front end there is; started by the disk process. */
import { EterneError } from '@eterne/base';
import { runVolumeWorker } from '@eterne/disk/process/run-worker.ts';
import { VolumeFrontEnd } from '@eterne/target/volume/front-end.ts';

runVolumeWorker({
  listenFrontEnd(site, spec, done) {
    if (spec.kind === 'iscsi') VolumeFrontEnd.listen(site, spec, done);
    else done(new EterneError('unsupported', `${spec.kind} exports are not supported here`));
  },
});
