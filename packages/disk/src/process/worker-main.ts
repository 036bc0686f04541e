/** Entry point of a volume's worker process with the front ends of this package; started by `VolumeProcess`. */
import { runVolumeWorker } from './run-worker.ts';

runVolumeWorker();
