/** `eterne target run` as a process of its own, on a free port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@eterne/runtime/node/repository.ts';

export interface TargetProcess {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly process: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** `targets` is the YAML of the configuration's `targets:` list; `port` 0: any that is free. */
export async function startTarget(folder: string, targets: string, port = 0): Promise<TargetProcess> {
  const config = join(folder, 'target.yaml');
  writeFileSync(config, `portals: ['127.0.0.1:${port}']\ntargets:\n${targets}`);
  const child = spawn(join(repositoryRoot, 'eterne'), ['target', 'run', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /portals (127\.0\.0\.1:\d+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`the target ended with ${code}`)));
  });
  return {
    address,
    process: child,
    stop: (signal = 'SIGTERM') =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill(signal);
      }),
  };
}
