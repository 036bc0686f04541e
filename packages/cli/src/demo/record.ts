/** Where a running demonstration can be found by `eterne demo stop`: one small file per user. */
import { join } from 'node:path';
import { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import { readText, removeFolder, scratchRoot, writeText } from '@eterne/runtime/node/scratch.ts';

interface DemoRecord {
  readonly pid: number;
  readonly startTime: string;
}

const recordPath = (): string => join(scratchRoot, `eterne-demo-${process.getuid?.() ?? 0}.json`);

const STOP_TIMEOUT_MS = 30_000;

export function recordDemo(pid: number, world: World): void {
  const running = readRecord();
  if (running && world.processes.alive(running.pid, running.startTime)) return;
  writeText(recordPath(), JSON.stringify({ pid, startTime: world.processes.startTime(pid) ?? '' }));
}

export function forgetDemo(): void {
  if (readRecord()?.pid === process.pid) removeFolder(recordPath());
}

function readRecord(): DemoRecord | undefined {
  const text = readText(recordPath());
  return text === undefined ? undefined : (JSON.parse(text) as DemoRecord);
}

/** A sentence about what was done. */
export async function stopRecordedDemo(world: World): Promise<string> {
  const record = readRecord();
  if (!record || !world.processes.alive(record.pid, record.startTime)) {
    removeFolder(recordPath());
    return 'no demonstration is running';
  }
  process.kill(record.pid, 'SIGTERM');
  const deadlineMs = world.clock.bootMs() + STOP_TIMEOUT_MS;
  while (world.processes.alive(record.pid, record.startTime)) {
    if (world.clock.bootMs() > deadlineMs)
      throw new EterneError('timeout', `process ${record.pid} does not end`);
    await new Promise<void>((resolve) => world.timers.after(50, resolve));
  }
  return 'stopped';
}
