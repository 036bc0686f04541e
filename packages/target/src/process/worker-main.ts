/** Entry point of the process of a target; started by `TargetProcess`. */
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { attachToSupervisor } from '@eterne/runtime/node/worker.ts';
import type { LoginNote, ToTargetWorker } from './messages.ts';
import { TargetWorker } from './target-worker.ts';

// A terminal sends its signals to the whole process group; the supervisor decides when the worker ends.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

const supervisor = attachToSupervisor({
  onMessage: (message) => worker.onMessage(message as ToTargetWorker),
  onStream: (note, stream) => worker.onStream(note as LoginNote, stream),
});

const worker = new TargetWorker({
  world: createNodeWorld('target'),
  send: (message) => supervisor.send(message),
  exit: () => process.disconnect(),
});
