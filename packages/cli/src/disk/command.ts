/** `eterne disk …`: one node's disk process, run and steered by hand or by Pacemaker (shared/INTERFACE "Storage alone"). */
import { EterneError, parseDurationMs, parseSizeBytes } from '@eterne/base';
import { WAIT_GOALS } from '@eterne/disk/process/wait.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Command } from 'commander';
import { Control, type DiskStatus } from './control.ts';
import { discardOf, usable, waitGoal } from './options.ts';
import { rescueCommand } from './rescue.ts';
import { explainSplitBrain } from './split-brain.ts';
import { statusText } from './status-text.ts';
import { ProgressLine } from './progress.ts';
import { verify, type VerifyOptions } from './verify.ts';
import { watchStatus } from './watch.ts';

interface VerbOptions {
  readonly control: string;
  readonly json?: true;
}

interface StatusOptions {
  readonly watch?: true;
  readonly splitBrain?: true;
}

const PROGRESS_MS = 500;
/** A device that zeroes by writing takes its time. */
const RESIZE_LONGEST_MS = 24 * 3_600_000;
/** Beyond the wait itself, for the answer's way back. */
const ANSWER_SLACK_MS = 5_000;

export function diskCommand(program: Command): void {
  const disk = program.command('disk').description("one node's mirrored volumes, without a cluster");
  disk
    .command('run')
    .description('run the disk process in the foreground; SIGTERM ends it cleanly')
    .requiredOption('--config <file>', 'YAML configuration')
    .action(async ({ config }: { config: string }) => (await import('./run.ts')).runDisk(config));
  verb(disk, 'status', 'show volumes, replicas and links')
    .option('--watch', 'again whenever it has changed, until interrupted')
    .option('--split-brain', 'show what each side of a split brain changed, and in which files')
    .action(async (volume: string | undefined, options: VerbOptions & StatusOptions) => {
      if (options.splitBrain === true) return explainSplitBrain(volume, options);
      const control = new Control(options.control);
      const text = (status: DiskStatus): string =>
        options.json === true ? `${JSON.stringify(status)}\n` : statusText(status);
      if (options.watch === true) return watchStatus(control, volume, text);
      process.stdout.write(text(await control.status(volume)));
    });
  verb(disk, 'promote', 'make this node primary')
    .option('--force', 'although this replica may not hold every acknowledged write')
    .option(
      '--while-copied',
      'also while it is being copied to: what is missing here is read from the source',
    )
    .action(
      act('promote', ({ force, whileCopied }: { force?: true; whileCopied?: true }) => ({
        force: force === true,
        // A disk process of before does not know it.
        ...(whileCopied === true ? { whileCopied } : {}),
      })),
    );
  verb(disk, 'demote', 'end the term: front ends are cut, then secondary').action(act('demote'));
  verb(disk, 'connect', 'connect to the peers again')
    .option('--peer <node>', 'only this one')
    .action(act('connect', peerOf));
  verb(disk, 'disconnect', 'leave the peers alone')
    .option('--peer <node>', 'only this one')
    .action(act('disconnect', peerOf));
  verb(disk, 'resolve', 'end a split brain: the changes of one side are discarded, into its rescue journal')
    .option('--discard-local', 'what this node changed; it steps down first if it is primary')
    .option('--discard-remote', 'what the other side changed')
    .option('--peer <node>', 'only with this one')
    .action(act('resolve', resolution));
  verb(disk, 'verify', 'compare the replicas while they are in use, and mark what differs')
    .option('--fast', 'by bitmaps and generations only')
    .option('--repair', 'copy what differs at once, from the primary')
    .option('--peer <node>', 'only with this one')
    .action(async (volume: string | undefined, options: VerbOptions & VerifyOptions) => {
      const status = await verify(new Control(options.control), volume, options);
      print(options, status, statusText(status));
    });
  verb(disk, 'resync', 'copy what a verify has marked, from the primary')
    .option('--peer <node>', 'only to this one')
    .action(act('resync', peerOf));
  verb(
    disk,
    'invalidate',
    "have everything copied to this node's replica, whose content is worthless",
  ).action(act('invalidate'));
  verb(disk, 'resize', 'grow the volume while it is in use, on the primary: every replica grows with it')
    .requiredOption('--size <size>', 'for example 2GiB; a volume never becomes smaller')
    .action(resize);
  verb(disk, 'attach', "this node's failed or detached disk is there again")
    .option('--replaced', 'it is another disk, or nothing on it counts: copy everything to it')
    .action(act('attach', ({ replaced }: { replaced?: true }) => ({ replaced: replaced === true })));
  verb(disk, 'detach', "give this node's disk back, to be taken away; a peer serves").action(act('detach'));
  verb(disk, 'wait', 'wait for a state of the volume')
    .requiredOption('--for <state>', WAIT_GOALS.join(' | '))
    .option('--timeout <time>', 'for example 30s', '30s')
    .action(wait);
  rescueCommand(disk);
}

function verb(disk: Command, name: string, description: string): Command {
  return disk
    .command(name)
    .description(description)
    .argument('[volume]', 'default: every volume of this disk process')
    .requiredOption('--control <socket>', 'control socket of the disk process')
    .option('--json', 'machine-readable output');
}

const peerOf = ({ peer }: { peer?: string }): object => (peer === undefined ? {} : { peer });

interface ResolveOptions {
  readonly discardLocal?: true;
  readonly discardRemote?: true;
  readonly peer?: string;
}

function resolution({ peer, ...sides }: ResolveOptions): object {
  return { discard: discardOf(sides), ...(peer === undefined ? {} : { peer }) };
}

/** An action that posts `path` for the volume, or for each one, and shows the status after it. */
function act<Options extends object>(path: string, bodyOf: (options: Options) => object = () => ({})) {
  return async (volume: string | undefined, options: VerbOptions & Options): Promise<void> => {
    const control = new Control(options.control);
    for (const name of await control.names(volume)) await control.post(name, path, bodyOf(options));
    const status = await control.status(volume);
    print(options, status, statusText(status));
  };
}

async function resize(
  volume: string | undefined,
  options: VerbOptions & { readonly size: string },
): Promise<void> {
  if (volume === undefined) throw new EterneError('usage', 'say which volume is to grow');
  const sizeBytes = usable('--size', () => parseSizeBytes(options.size));
  const control = new Control(options.control);
  await control.post(volume, 'resize', { sizeBytes }, RESIZE_LONGEST_MS);
  const status = await control.status(volume);
  print(options, status, statusText(status));
}

async function wait(
  volume: string | undefined,
  options: VerbOptions & { readonly for: string; readonly timeout: string },
): Promise<void> {
  const goal = waitGoal(options.for);
  const timeoutMs = usable('--timeout', () => parseDurationMs(options.timeout));
  const control = new Control(options.control);
  const names = await control.names(volume);
  const body = { for: goal, timeoutMs };
  const waits = names.map((name) => control.post(name, 'wait', body, timeoutMs + ANSWER_SLACK_MS));
  await withProgress(control, volume, Promise.all(waits));
  const status = await control.status(volume);
  print(options, status, statusText(status));
}

/** Shows on a terminal how far copies are, until `work` is done. */
async function withProgress(
  control: Control,
  volume: string | undefined,
  work: Promise<unknown>,
): Promise<void> {
  if (!process.stderr.isTTY) return void (await work);
  const line = new ProgressLine();
  const { timers } = createNodeWorld('disk wait');
  const show = async (): Promise<void> =>
    line.show((await control.status(volume)).volumes.flatMap(({ peers }) => peers));
  // What cannot be shown, the wait itself will tell.
  const ticker = timers.every(PROGRESS_MS, () => void show().catch(() => {}));
  await work.finally(() => {
    ticker.cancel();
    line.clear();
  });
}

function print(options: VerbOptions, status: DiskStatus, text: string): void {
  process.stdout.write(options.json === true ? `${JSON.stringify(status)}\n` : text);
}
