/**
 * A volume worker without a mirror behind it: everything of the process but the engine. Volume names ask for special behaviour:
 * `refused-…` cannot be opened, `dies-…` kills its worker at start. `connect('crash')` kills the worker,
 * `connect('hang')` stops it for good, as a system call that does not return would; `connect('propose')` asks the arbiter and answers with its verdict as an error message.
 */
import { EterneError } from '@eterne/base';
import type { BlockDevice } from '@eterne/runtime';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import { attachToSupervisor } from '@eterne/runtime/node/worker.ts';
import type {
  AttachRequest,
  Arbiter,
  MirrorVolume,
  VerifyRequest,
  VolumeConfig,
  VolumeStatus,
} from '../../src/engine/api.ts';
import { absentStatus } from '../../src/process/absent-status.ts';
import { VolumeWorker } from '../../src/process/volume-worker.ts';
import type { StreamNote, ToWorker } from '../../src/process/worker-messages.ts';
import { MemoryDevice } from './memory-device.ts';

class FakeVolume implements MirrorVolume {
  readonly config: VolumeConfig;
  device: BlockDevice | undefined;
  readonly #arbiter: Arbiter;
  #term: number;
  #onChange: () => void = () => {};

  constructor(config: VolumeConfig, arbiter: Arbiter) {
    this.config = config;
    this.#arbiter = arbiter;
    this.#term = arbiter.committed?.term.number ?? 0;
  }

  status(): VolumeStatus {
    return {
      ...absentStatus(this.config, undefined),
      role: this.device === undefined ? 'secondary' : 'primary',
      term: this.#term,
      disk: 'UpToDate',
      inSyncSet: [...(this.#arbiter.committed?.set.members ?? [])],
    };
  }

  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  promote(request: { force: boolean }, done: (error: EterneError | undefined) => void): void {
    if (!request.force) return done(new EterneError('refused', 'needs force', { hint: 'use --force' }));
    this.#term += 1;
    this.device = new MemoryDevice(this.config.sizeBytes, { immediate: true });
    this.#onChange();
    done(undefined);
  }

  demote(done: (error: EterneError | undefined) => void): void {
    this.device = undefined;
    done(undefined);
  }

  addPeer(
    _peer: string,
    _addresses: readonly string[],
    done: (error: EterneError | undefined) => void,
  ): void {
    done(undefined);
  }

  setPeers(_peers: object, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  resize(_sizeBytes: number, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  connect(peer: string, done: (error: EterneError | undefined) => void): void {
    if (peer === 'crash') process.kill(process.pid, 'SIGKILL');
    if (peer === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    if (peer !== 'propose') return done(undefined);
    const term = { number: this.#term, grantor: 'test' };
    const { name: volume, node } = this.config;
    this.#arbiter.propose({ volume, term, expectedVersion: 1, members: [node], reason: 'test' }, (answer) =>
      done(new EterneError('refused', JSON.stringify(answer))),
    );
  }

  disconnect(_peer: string, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  resolve(_peer: string | undefined, _discard: string, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  readonly rescue = undefined;

  explainSplitBrains(done: (reports: never[]) => void): void {
    done([]);
  }

  verify(_request: VerifyRequest, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  resync(_peer: string | undefined, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  attach(_request: AttachRequest, done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  detach(done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  invalidate(done: (error: EterneError | undefined) => void): void {
    done(undefined);
  }

  acceptStream(stream: Parameters<MirrorVolume['acceptStream']>[0], fromNode: string): void {
    stream.start({
      onData: (chunk) =>
        void stream.write(Buffer.from(`${this.config.name} heard ${chunk.toString()} from ${fromNode}`)),
      onDrain: () => {},
      onClose: () => {},
    });
  }

  setLease(): void {}

  close(done: () => void): void {
    done();
  }
}

const supervisor = attachToSupervisor({
  onMessage: (message) => worker.onMessage(message as ToWorker),
  onStream: (note, stream) => worker.onStream(note as StreamNote, stream),
});

const world = createNodeWorld('fake');
const worker = new VolumeWorker({
  world,
  send: (message) => supervisor.send(message),
  exit: () => process.disconnect(),
  localArbiter: () => ({ propose: (_proposal, done) => done({ kind: 'refused', reason: 'local' }) }),
  openVolume: (_world, config, arbiter, done) => {
    if (config.name.startsWith('dies-')) process.kill(process.pid, 'SIGKILL');
    if (config.name.startsWith('refused-'))
      return done(new EterneError('corrupt', 'both superblock slots are corrupted', { hint: 'restore it' }));
    done(new FakeVolume(config, arbiter));
  },
});
