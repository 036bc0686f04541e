/**
 * For a kernel without an NBD client:
 *
 *   export ──NBD──► nbdfuse ──FUSE──► FOLDER/NODE.VOLUME.attached/disk ──► /dev/loopN
 *
 * nbdfuse does not connect again, so a device belongs to one term. Needs root, nbdfuse and losetup.
 */
import { dirname } from 'node:path';
import { SYSTEM_PATH, type Timer } from '@eterne/runtime';
import { runTool } from '../../attach/run-tool.ts';
import { lastWords, type AttachWay, type AttachWorld, type Running } from './way.ts';

const RETRY_MS = 100;

export class FuseWay implements AttachWay {
  readonly #world: AttachWorld;
  readonly #uri: string;
  readonly #file: string;

  /** `file`: what nbdfuse shows the export as. */
  constructor(world: AttachWorld, uri: string, file: string) {
    this.#world = world;
    this.#uri = uri;
    this.#file = file;
  }

  /** Loop devices on the file go by its name: a file behind a dead FUSE mount cannot be asked. */
  clear(done: (failure: string | undefined) => void): void {
    const list = ['losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE'] as const;
    runTool(this.#world, list, (text = '') => {
      const rows = text.split('\n').map((line) => /^(\S+)\s+(.*\S)\s*$/.exec(line) ?? []);
      const devices = rows.filter(([, , file]) => file === this.#file).map(([, name = '']) => name);
      const unmount = (): void =>
        runTool(this.#world, ['umount', '--lazy', dirname(this.#file)], () => done(undefined));
      if (devices.length === 0) unmount();
      else runTool(this.#world, ['losetup', '--detach', ...devices], unmount);
    });
  }

  begin(attached: (path: string) => void, ended: (reason: string) => void): Running {
    let isOver = false;
    let retry: Timer | undefined;
    let stop = (): void => {};
    const over = (reason: string): void => {
      if (isOver) return;
      isOver = true;
      retry?.cancel();
      ended(reason);
    };
    // The file appears when nbdfuse has connected; until then losetup is told again.
    const loop = (): void =>
      runTool(this.#world, ['losetup', '--find', '--show', this.#file], (path) => {
        if (isOver) return;
        if (path !== undefined) return attached(path.trim());
        retry = this.#world.timers.after(RETRY_MS, loop);
      });
    this.#world.files.makeFolder(dirname(this.#file), (error) => {
      if (isOver) return;
      if (error !== undefined) return over(error.message);
      const helper = this.#world.processes.spawn(
        { command: ['nbdfuse', this.#file, this.#uri], env: { PATH: SYSTEM_PATH } },
        (exit) => over(lastWords(exit, 'nbdfuse')),
      );
      stop = () => helper.kill('SIGKILL');
      loop();
    });
    return {
      end: () => {
        isOver = true;
        retry?.cancel();
        stop();
      },
    };
  }
}
