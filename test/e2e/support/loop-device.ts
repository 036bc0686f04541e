/** Block devices of this machine's kernel that a test can enlarge: loop devices over sparse files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, truncateSync, writeFileSync } from 'node:fs';

/** Why there are none here; false when there are. */
export function loopMissing(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/loop-control')) return 'needs loop devices';
  return spawnSync('which', ['losetup']).status === 0 ? false : 'losetup is not installed';
}

export class LoopDevice {
  readonly path: string;
  readonly #file: string;

  constructor(file: string, sizeBytes: number) {
    this.#file = file;
    writeFileSync(file, '');
    truncateSync(file, sizeBytes);
    this.path = execFileSync('losetup', ['--find', '--show', file], { encoding: 'utf8' }).trim();
  }

  /** As a volume manager or an array does, under whoever has it open. */
  enlarge(sizeBytes: number): void {
    truncateSync(this.#file, sizeBytes);
    execFileSync('losetup', ['--set-capacity', this.path]);
  }

  remove(): void {
    execFileSync('losetup', ['--detach', this.path]);
  }
}
