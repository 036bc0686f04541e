import { EterneError } from '@eterne/base';
import type { DiskPort } from '@eterne/disk/process/port.ts';
import type { SimProcess } from '../world/process.ts';
import type { DiskDaemon } from './disk-daemon.ts';

/** A call between two processes of one machine takes about so long. */
const HOP_MS = [0.02, 0.3] as const;
const STATUS_MS = 1_000;

/** Runs `run` in `to` a moment later, in order with earlier hops of the same pair. */
export class Hops {
  private readonly to: SimProcess;
  private lastMs = 0;

  constructor(to: SimProcess) {
    this.to = to;
  }

  run(run: () => void): void {
    const { random, universe } = this.to.node;
    const arrivalMs = Math.max(this.lastMs, universe.nowMs + random.between(...HOP_MS));
    this.lastMs = arrivalMs;
    this.to.later(arrivalMs - universe.nowMs, run);
  }
}

/** The disk process as another process of its node sees it: every call and every answer takes a moment, and dies with either. */
export function openDiskPort(
  client: SimProcess,
  daemon: DiskDaemon | undefined,
  done: (result: DiskPort | EterneError) => void,
): void {
  const back = new Hops(client);
  if (daemon === undefined || !daemon.process.alive) {
    back.run(() => done(new EterneError('unreachable', 'the disk process is not there')));
    return;
  }
  back.run(() => done(makePort(client, daemon, back)));
}

type Done = (error: EterneError | undefined) => void;

function makePort(client: SimProcess, daemon: DiskDaemon, back: Hops): DiskPort {
  const forth = new Hops(daemon.process);
  const answering =
    (done: Done): Done =>
    (error) =>
      back.run(() => done(error));
  const onVolume = (
    name: string,
    done: Done,
    act: (volume: NonNullable<ReturnType<typeof find>>) => void,
  ): void =>
    forth.run(() => {
      const volume = find(name);
      if (volume === undefined) answering(done)(new EterneError('not-found', `no volume ${name}`));
      else act(volume);
    });
  const find = (name: string) => daemon.volumes.get(name);
  return {
    ensureVolume: ({ config, exports }, committed, done) =>
      forth.run(() => {
        const nbd = exports.find(({ kind }) => kind === 'nbd');
        const exportAddress = nbd?.kind === 'nbd' ? nbd.listen : '';
        daemon.ensureVolume({ config, committed, exportAddress }, answering(done));
      }),
    removeVolume: (name, done) => forth.run(() => daemon.removeVolume(name, answering(done))),
    promote: (name, request, done) =>
      onVolume(name, done, (volume) => volume.promote(request, answering(done))),
    demote: (name, done) => onVolume(name, done, (volume) => volume.demote(answering(done))),
    ask: (_name, call, done) =>
      answering(done)(new EterneError('unsupported', `nobody asks for ${call.verb} here`)),
    // Machines keep their addresses here, so this finds what is there already; a hop would only draw other numbers for everything after it.
    listenAt: (addresses) => daemon.listenAt(addresses),
    setLease: (name, lease) => forth.run(() => find(name)?.setLease(lease)),
    onStatus: (listener) => {
      let planned = false;
      const tell = (): void => {
        if (planned || !client.alive) return;
        planned = true;
        daemon.process.later(0, () => {
          planned = false;
          const statuses = [...daemon.volumes.values()].map((volume) => volume.status());
          back.run(() => listener(statuses));
        });
      };
      forth.run(() => {
        daemon.changeListeners.add(tell);
        daemon.process.world.timers.every(STATUS_MS, tell);
        tell();
      });
    },
    onProposal: (listener) =>
      forth.run(() => {
        daemon.onProposal = (proposal, answer) =>
          back.run(() => listener(proposal, (result) => forth.run(() => answer(result))));
        daemon.askAgain();
      }),
    onClose: (listener) => daemon.process.onDeath(() => back.run(listener)),
    close: () => undefined,
  };
}
