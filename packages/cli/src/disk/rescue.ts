/** `eterne disk rescue …`: what copies and split-brain decisions have overwritten on this node. */
import { resolve } from 'node:path';
import { EterneError, formatSize } from '@eterne/base';
import type { PointStatus } from '@eterne/disk/rescue/api.ts';
import { instantOf } from '@eterne/runtime';
import type { Command } from 'commander';
import { Control } from './control.ts';

/** Writing an image takes as long as the volume is large. */
const EXPORT_TIMEOUT_MS = 24 * 3_600_000;

interface Options {
  readonly control: string;
  readonly json?: true;
}

export function rescueCommand(disk: Command): void {
  const rescue = disk
    .command('rescue')
    .description('what copies and split-brain decisions have overwritten on this node');
  verb(rescue, 'list', 'show what the rescue journal holds').action((volume: string, options: Options) =>
    ask(volume, options, 'rescue-list', {}),
  );
  verb(rescue, 'export', 'write an image of what this node held into a new file')
    .requiredOption('--to <file>', 'the new file')
    .option('--id <number>', 'which point; default: the newest that is kept')
    .action((volume: string, options: Options & { to: string; id?: string }) =>
      ask(volume, options, 'rescue-export', { ...idOf(options.id), path: resolve(options.to) }),
    );
  verb(rescue, 'drop', 'give up what the journal keeps, and its room')
    .requiredOption('--id <number>', 'which point')
    .action((volume: string, options: Options & { id: string }) =>
      ask(volume, options, 'rescue-drop', idOf(options.id)),
    );
}

function verb(rescue: Command, name: string, description: string): Command {
  return rescue
    .command(name)
    .description(description)
    .argument('<volume>')
    .requiredOption('--control <socket>', 'control socket of the disk process')
    .option('--json', 'machine-readable output');
}

export function idOf(text: string | undefined): { id?: number } {
  if (text === undefined) return {};
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new EterneError('usage', `--id: ${text} is no number of a point`);
  return { id: Number(text) };
}

async function ask(volume: string, options: Options, path: string, body: object): Promise<void> {
  const answer = await new Control(options.control).ask(volume, path, body, EXPORT_TIMEOUT_MS);
  const { points } = answer as { points: readonly PointStatus[] };
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ volume, points })}\n` : pointsText(points),
  );
}

export function pointsText(points: readonly PointStatus[]): string {
  if (points.length === 0) return 'the rescue journal holds nothing\n';
  return points.map((point) => `${lineOf(point)}\n`).join('');
}

function lineOf({ id, state, begunAtWallMs, savedBytes, whole, peer, reason }: PointStatus): string {
  const image = whole ? 'whole' : 'INCOMPLETE: the room was used up';
  const begun = instantOf(begunAtWallMs).toISOString();
  return `  ${id}  ${state}  ${begun}  ${formatSize(savedBytes)}  ${image}  overwritten by ${peer}: ${reason}`;
}
