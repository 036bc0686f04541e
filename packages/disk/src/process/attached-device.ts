/**
 * A front end for this machine's kernel: while the volume is primary here, a block device to make file systems on, mount and partition.
 *
 *   volume ──NBD──► nbdfuse ──FUSE──► FOLDER/NODE.VOLUME.attached/disk ──► /dev/loopN
 *
 * ```
 *   detached ──serve──▶ attaching ──losetup──▶ attached ──withdraw──▶ detached
 *                 └────── any step fails: again after RETRY_MS ──────┘
 * ```
 * A device belongs to one term: nbdfuse does not connect again, so nothing of an older term can be written into a newer one. What an earlier life left
 * behind is taken away first. Needs root, nbdfuse and losetup.
 */
import { dirname } from 'node:path';
import { EterneError } from '@eterne/base';
import type { ChildHandle, Timer, World } from '@eterne/runtime';
import type { VolumeConfig } from '../engine/api.ts';
import type { ByteDevice } from '../nbd/byte-device.ts';
import { formatNbdUri } from '../nbd/client/uri.ts';
import { NbdServer } from '../nbd/server.ts';
import type { FrontEnd } from './front-end.ts';

const TOOL_TIMEOUT_MS = 5000;
const RETRY_MS = 100;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type AttachWorld = Pick<World, 'network' | 'timers' | 'log' | 'processes' | 'files'>;
type State =
  | { readonly kind: 'detached' }
  | { readonly kind: 'attaching'; readonly helper: ChildHandle | undefined }
  | { readonly kind: 'attached'; readonly helper: ChildHandle; readonly path: string };

export class AttachedDevice implements FrontEnd {
  readonly address = '';
  readonly #world: AttachWorld;
  readonly #volume: string;
  readonly #file: string;
  readonly #server: NbdServer;
  readonly #changed: () => void;
  #state: State = { kind: 'detached' };
  #retry: Timer | undefined;
  /** Counts terms: what an earlier one still waits for is void. */
  #turn = 0;

  private constructor(
    world: AttachWorld,
    volume: string,
    file: string,
    server: NbdServer,
    changed: () => void,
  ) {
    this.#world = world;
    this.#volume = volume;
    this.#file = file;
    this.#server = server;
    this.#changed = changed;
  }

  /** `folder`: where the helper's socket and mount point are made. `changed`: `path` has. */
  static listen(
    world: AttachWorld,
    { name, node }: Pick<VolumeConfig, 'name' | 'node'>,
    folder: string,
    changed: () => void,
    done: (result: AttachedDevice | EterneError) => void,
  ): void {
    const place = `${folder}/${node}.${name}.attached`;
    NbdServer.listen(world, `unix:${place}.sock`, name, (server) => {
      if (server instanceof EterneError) return done(server);
      done(new AttachedDevice(world, name, `${place}/disk`, server, changed));
    });
  }

  /** Of the block device. */
  get path(): string | undefined {
    return this.#state.kind === 'attached' ? this.#state.path : undefined;
  }

  serve(bytes: ByteDevice): void {
    this.withdraw();
    this.#server.serve(bytes);
    this.#attach(this.#turn);
  }

  withdraw(): void {
    this.#turn += 1;
    this.#retry?.cancel();
    this.#server.withdraw();
    this.#detach();
  }

  close(): void {
    this.withdraw();
    this.#server.close();
  }

  #detach(): void {
    const state = this.#state;
    this.#state = { kind: 'detached' };
    if (state.kind === 'detached') return;
    state.helper?.kill('SIGKILL');
    this.#clear(() => {});
    this.#changed();
  }

  #attach(turn: number): void {
    this.#state = { kind: 'attaching', helper: undefined };
    this.#clear(() =>
      this.#world.files.makeFolder(dirname(this.#file), (error) => {
        if (turn !== this.#turn) return;
        if (error !== undefined) return this.#failed(turn, error.message);
        const uri = formatNbdUri({ address: this.#server.address, exportName: this.#volume });
        const helper = this.#world.processes.spawn(
          { command: ['nbdfuse', this.#file, uri], env: { PATH } },
          ({ startError, stderr }) =>
            this.#failed(turn, startError?.message ?? (stderr || 'nbdfuse has ended')),
        );
        this.#state = { kind: 'attaching', helper };
        this.#loop(turn, helper);
      }),
    );
  }

  /** The file appears when nbdfuse has connected; until then losetup is told again. */
  #loop(turn: number, helper: ChildHandle): void {
    this.#run(['losetup', '--find', '--show', this.#file], (path) => {
      if (turn !== this.#turn || this.#state.kind !== 'attaching') return;
      if (path === undefined) {
        this.#retry = this.#world.timers.after(RETRY_MS, () => this.#loop(turn, helper));
        return;
      }
      this.#state = { kind: 'attached', helper, path: path.trim() };
      this.#changed();
    });
  }

  #failed(turn: number, reason: string): void {
    if (turn !== this.#turn) return;
    this.#world.log('warn', 'a volume cannot be attached', { volume: this.#volume, reason });
    this.#retry?.cancel();
    this.#detach();
    this.#retry = this.#world.timers.after(10 * RETRY_MS, () => this.#attach(turn));
  }

  /** Loop devices on the file go by its name: a file behind a dead FUSE mount cannot be asked. */
  #clear(done: () => void): void {
    this.#run(['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE'], (list = '') => {
      const rows = list.split('\n').map((line) => /^(\S+)\s+(.*\S)\s*$/.exec(line) ?? []);
      const devices = rows.filter(([, , file]) => file === this.#file).map(([, name = '']) => name);
      const unmount = (): void => this.#run(['umount', '--lazy', dirname(this.#file)], done);
      if (devices.length === 0) unmount();
      else this.#run(['losetup', '--detach', ...devices], unmount);
    });
  }

  /** `done` gets what it printed, or undefined when it failed. */
  #run(command: readonly [string, ...string[]], done: (output: string | undefined) => void): void {
    this.#world.processes.spawn(
      { command, env: { PATH }, captureBytes: 64 * 1024, timeoutMs: TOOL_TIMEOUT_MS },
      ({ code, stdout }) => done(code === 0 ? stdout : undefined),
    );
  }
}
