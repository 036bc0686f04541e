/**
 * For a kernel without an NBD client:
 *
 *   export ──NBD──► nbdfuse ──FUSE──► FOLDER/NODE.VOLUME.attached/disk ──► /dev/loopN
 *
 * nbdfuse does not connect again, so a device belongs to one term. Needs root, nbdfuse and losetup.
 */
import { dirname } from 'node:path';
import { runTool } from '../../attach/run-tool.ts';
import { Attempt, type AttachWay, type AttachWorld, type Running } from './way.ts';

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
    const { files, timers } = this.#world;
    const attempt = new Attempt(this.#world, ended);
    // The file appears when nbdfuse has connected; until then losetup is told again.
    const loop = (): void => {
      if (attempt.isOver) return;
      runTool(this.#world, ['losetup', '--find', '--show', this.#file], (path) => {
        if (attempt.isOver) return;
        if (path !== undefined) attached(path.trim());
        else timers.after(RETRY_MS, loop);
      });
    };
    files.makeFolder(dirname(this.#file), (error) => {
      if (attempt.isOver) return;
      if (error !== undefined) return attempt.fail(error.message);
      attempt.run(['nbdfuse', this.#file, this.#uri]);
      loop();
    });
    return attempt;
  }
}
