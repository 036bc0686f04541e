/** Where the volumes' workers of our disk processes begin. */
import { fileURLToPath } from 'node:url';

export const WORKER_MODULE = fileURLToPath(new URL('volume-worker.ts', import.meta.url));
