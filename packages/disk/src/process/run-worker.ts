/** A volume's worker process put together. Whoever adds front ends has an entry point of its own that calls this. */
import { withIscsiStores } from '@eterne/iscsi/initiator/store.ts';
import type { Stores } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { attachToSupervisor } from '@eterne/runtime/node/worker.ts';
import type { BridgeCommand } from '../attach/iscsi-bridge.ts';
import { openAnyVolume } from '../joined/open-any.ts';
import { withNbdStores } from '../nbd/client/store.ts';
import { createAskingArbiter } from './asking-arbiter.ts';
import type { ListenFrontEnd } from './front-end.ts';
import { VolumeWorker } from './volume-worker.ts';
import type { StreamNote, ToWorker } from './worker-messages.ts';

export interface WorkerParts {
  readonly listenFrontEnd?: ListenFrontEnd;
  /** Absent: `attach: iscsi` is not there. */
  readonly iscsiBridge?: BridgeCommand;
  /** More kinds of stores, around those of files and devices. */
  readonly stores?: (files: Stores) => Stores;
}

export function runVolumeWorker({ stores = (files) => files, ...made }: WorkerParts = {}): void {
  const plain = createNodeWorld('volume');
  const node = { ...plain, stores: stores(plain.stores) };
  const world = { ...node, stores: withIscsiStores({ ...node, stores: withNbdStores(node) }) };

  // A terminal sends its signals to the whole process group; the supervisor decides when the worker ends.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => {});

  const supervisor = attachToSupervisor({
    onMessage: (message) => worker.onMessage(message as ToWorker),
    onStream: (note, stream) => worker.onStream(note as StreamNote, stream),
  });

  const worker = new VolumeWorker({
    ...made,
    world,
    send: (message) => supervisor.send(message),
    exit: () => process.disconnect(),
    openVolume: openAnyVolume,
    localArbiter: createAskingArbiter,
  });
}
