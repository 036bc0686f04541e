import type { ProcessExit, SpawnOptions, World } from '@eterne/runtime';
import { BLOCK, type TestNode } from '../support/pair.ts';

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

export interface TestPartclone {
  readonly processes: World['processes'];
  /** What it was asked. */
  readonly commands: SpawnOptions[];
  /** Everything it was asked so far is answered. */
  answer(): void;
}

/** A partclone that answers when it is told to: the first `usedBlocks` of a volume are in use. */
export function partclone(usedBlocks: number, sizeBytes: number, code = 0): TestPartclone {
  const used = usedBlocks * BLOCK;
  const stdout = `# by partclone\n0x0 ?\n${hex(0)} ${hex(used)} +\n${hex(used)} ${hex(sizeBytes - used)} ?\n`;
  const exit: ProcessExit = { code, signal: null, timedOut: false, stdout, stderr: '' };
  const commands: SpawnOptions[] = [];
  const waiting: (() => void)[] = [];
  const processes: World['processes'] = {
    spawn: (options, onExit) => {
      commands.push(options);
      waiting.push(() => onExit(exit));
      return { pid: 1, startTime: '1', kill: () => {} };
    },
    alive: () => false,
    startTime: () => undefined,
    killGroup: () => {},
    waitedForProcessorMs: () => undefined,
  };
  const answer = (): void => {
    for (const each of waiting.splice(0)) each();
  };
  return { processes, commands, answer };
}

/** The superblock of an ext4 that was unmounted, in a disk full of `fill`. */
export function fileSystemOf({ data }: TestNode, fill: number, needsRecovery = false): void {
  data.content.fill(fill);
  data.content.writeUInt16LE(0xef53, 0x438);
  data.content.writeUInt16LE(1, 0x43a);
  data.content.writeUInt32LE(needsRecovery ? 4 : 0, 0x460);
  data.write(0, Buffer.from(data.content));
  data.flush(data.mark());
}
