/** A virtual machine with a kernel of its own, which has this machine's programs and reaches its loopback as 10.0.2.2. Emulated, so that it runs where there is no KVM. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cpio } from './cpio.ts';
import { hasImage, kernelPath, modulesFolder } from './image.ts';

/** This machine's loopback as guests see it. */
export const HOST = '10.0.2.2';
const BOOT_TIMEOUT_MS = 90_000;
const BUSYBOX = '/bin/busybox';

/** For a test's `skip`. */
export function guestMissing(...tools: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root: the guest reads this machine as it is';
  for (const tool of ['qemu-system-x86_64', ...tools])
    if (spawnSync('which', [tool]).status !== 0) return `${tool} is not installed`;
  if (!existsSync(BUSYBOX) || spawnSync('ldd', [BUSYBOX]).status === 0)
    return 'busybox-static is not installed';
  return hasImage() ? false : 'there is no kernel to boot: npm run fetch-kernel';
}

export interface Outcome {
  readonly code: number;
  readonly output: string;
}

export class Guest {
  readonly #folder: string;
  readonly #machine: ChildProcess;
  readonly #line: Socket;
  readonly #waiting = new Map<number, (code: number) => void>();
  #lastId = 0;

  private constructor(folder: string, machine: ChildProcess, line: Socket) {
    this.#folder = folder;
    this.#machine = machine;
    this.#line = line;
  }

  /** Resolves when it takes commands. Tried twice: on a busy machine an emulated one may not get through its start. */
  static async boot(): Promise<Guest> {
    try {
      return await Guest.#boot();
    } catch {
      return Guest.#boot();
    }
  }

  static async #boot(): Promise<Guest> {
    const folder = mkdtempSync(join(tmpdir(), 'eterne-guest-'));
    const socket = join(folder, 'line.sock');
    const server = createServer().listen(socket);
    writeFileSync(join(folder, 'initramfs'), initramfs());
    const machine = spawn('setpriv', ['--pdeathsig', 'KILL', ...command(folder, socket)], {
      stdio: 'ignore',
    });
    const deadline = setTimeout(() => machine.kill('SIGKILL'), BOOT_TIMEOUT_MS);
    const [line] = (await Promise.race([
      once(server, 'connection'),
      once(machine, 'exit').then(() => []),
    ])) as [Socket?];
    server.close();
    assert.ok(line !== undefined, 'QEMU has ended at once');
    const guest = new Guest(folder, machine, line);
    try {
      await guest.#ready();
    } catch (error) {
      await guest.stop();
      throw error;
    } finally {
      clearTimeout(deadline);
    }
    return guest;
  }

  /** What the kernel has said. */
  get console(): string {
    return readFileSync(join(this.#folder, 'console.log'), 'utf8');
  }

  /** Runs lines of sh; several at once if so called. */
  async attempt(script: string): Promise<Outcome> {
    const id = (this.#lastId += 1);
    const base = join(this.#folder, String(id));
    writeFileSync(`${base}.sh`, script);
    const code = await new Promise<number>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#line.write(`${id}\n`);
    });
    return { code, output: existsSync(`${base}.out`) ? readFileSync(`${base}.out`, 'utf8') : '' };
  }

  /** The same, with every line succeeding. */
  async run(script: string): Promise<string> {
    const { code, output } = await this.attempt(`set -e\n${script}`);
    assert.equal(code, 0, `${script}\n${output}\n${this.console.slice(-3000)}`);
    return output;
  }

  async stop(): Promise<void> {
    if (this.#machine.exitCode === null && this.#machine.signalCode === null) {
      this.#machine.kill('SIGKILL');
      await once(this.#machine, 'exit');
    }
    rmSync(this.#folder, { recursive: true });
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      createInterface({ input: this.#line }).on('line', (text) => {
        if (text === 'ready') return resolve();
        const [id = '', code = ''] = text.split(' ');
        this.#waiting.get(Number(id))?.(Number(code));
        this.#waiting.delete(Number(id));
      });
      this.#line.on('error', () => {}); // reported by 'close'
      this.#line.on('close', () => {
        reject(new Error(`the guest did not start:\n${this.console.slice(-3000)}`));
        for (const answer of this.#waiting.values()) answer(-1);
        this.#waiting.clear();
      });
    });
  }
}

function initramfs(): Buffer {
  const modules = readdirSync(modulesFolder).map((name) => ({
    name,
    content: readFileSync(join(modulesFolder, name)),
  }));
  const init = readFileSync(new URL('init.sh', import.meta.url));
  return cpio([
    { name: 'init', content: init },
    { name: 'busybox', content: readFileSync(BUSYBOX) },
    ...modules,
  ]);
}

function command(folder: string, socket: string): readonly string[] {
  const shared = (path: string, tag: string, more = ''): string[] => [
    '-virtfs',
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${more}`,
  ];
  const words = (text: string): string[] => text.split(' ');
  return [
    'qemu-system-x86_64',
    ...words('-accel tcg -m 1024 -smp 1 -nodefaults -no-reboot -display none'),
    ...words('-netdev user,id=net -device virtio-net-pci,netdev=net'),
    ...shared('/', 'host', ',readonly=on'),
    ...shared(folder, 'share'),
    '-kernel',
    kernelPath,
    '-initrd',
    join(folder, 'initramfs'),
    '-append',
    // An emulated timer on a busy machine is too late for the kernel's checks of it.
    'console=ttyS0 panic=-1 mitigations=off no_timer_check lpj=4000000 tsc=unstable',
    '-serial',
    `file:${join(folder, 'console.log')}`,
    '-chardev',
    `socket,id=line,path=${socket}`,
    '-serial',
    'chardev:line',
  ];
}
