/** Disks with faults on demand: nbdkit's own filters and plugins, behind `nbd+unix://`. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { DiskNode } from './disk-node.ts';

export const hasNbdkit = spawnSync('nbdkit', ['--version']).status === 0;

export class NbdkitDisk {
  readonly uri: string;
  readonly #process: ChildProcess;

  private constructor(socket: string, args: readonly string[]) {
    this.uri = `nbd+unix:///?socket=${socket}`;
    this.#process = spawn('nbdkit', ['-f', '-U', socket, ...args], { stdio: 'ignore' });
  }

  /** Resolves once it listens. */
  static async start(socket: string, args: readonly string[]): Promise<NbdkitDisk> {
    rmSync(socket, { force: true });
    const disk = new NbdkitDisk(socket, args);
    while (!(await listens(socket))) {
      if (disk.#process.exitCode !== null) throw new Error(`nbdkit ${args.join(' ')} does not start`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return disk;
  }

  /** It stops answering. Resolves once all of its threads stand still: until then one of them may still answer what is asked. */
  async hang(): Promise<void> {
    this.#process.kill('SIGSTOP');
    while (!this.#stands()) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  goOn(): void {
    this.#process.kill('SIGCONT');
  }

  /** The state is the word after the name, which may hold anything (proc_pid_stat(5)). */
  #stands(): boolean {
    const threads = `/proc/${this.#process.pid}/task`;
    return readdirSync(threads).every((id) => {
      try {
        return /\) T [^)]*$/.test(readFileSync(`${threads}/${id}/stat`, 'utf8'));
      } catch {
        return false; // it ended while we looked
      }
    });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

/** Whether somebody takes connections at a unix socket: its file is there before. */
export function listens(socket: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = connect(socket, () => {
    connection.destroy();
    resolve(true);
  });
  connection.on('error', () => resolve(false));
  return promise;
}

/** While the file `trigger` exists, `operations` (`pread`, `pwrite`, …) fail with `errno`. */
export function failingDisk(
  folder: string,
  size: string,
  fault: { readonly errno: string; readonly operations: readonly string[]; readonly trigger: string },
): Promise<NbdkitDisk> {
  const rates = fault.operations.map((operation) => `error-${operation}-rate=100%`);
  return NbdkitDisk.start(join(folder, 'failing.sock'), [
    '--filter=error',
    'memory',
    size,
    `error=${fault.errno}`,
    `error-file=${fault.trigger}`,
    ...rates,
  ]);
}

/** A disk on the file `image`. While the file `bad` holds a byte offset, reading what covers it fails with EIO. */
export function scratchedDisk(
  folder: string,
  image: string,
  sizeBytes: number,
  bad: string,
): Promise<NbdkitDisk> {
  const isBad = `[ -e ${bad} ] && read at < ${bad} && [ $4 -le $at ] && [ $at -lt $(($4+$3)) ]`;
  writeFileSync(image, Buffer.alloc(sizeBytes));
  return NbdkitDisk.start(join(folder, 'scratched.sock'), [
    'eval',
    `get_size=echo ${sizeBytes}`,
    'can_write=exit 0',
    'can_flush=exit 0',
    `pread=if ${isBad}; then echo EIO >&2; exit 1; fi; dd if=${image} bs=1M iflag=skip_bytes,count_bytes,fullblock skip=$4 count=$3 2>/dev/null`,
    `pwrite=dd of=${image} bs=1M iflag=fullblock oflag=seek_bytes seek=$4 conv=notrunc 2>/dev/null`,
    'flush=exit 0',
  ]);
}

/** The node's data store is `uri` from its next start on. */
export function useDevice(node: DiskNode, uri: string, extra: readonly string[] = []): void {
  const text = readFileSync(node.configPath, 'utf8');
  const lines = [`device: "${uri}"`, ...extra].map((line) => `    ${line}`);
  writeFileSync(node.configPath, text.replace(/^ {4}device: .*$/m, lines.join('\n')));
}
