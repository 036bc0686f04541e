/** `eterne volume status|wait`, and the progress of verifies and copies: what each replica tells of itself. */
import { EterneError, parseDurationMs } from '@eterne/base';
import type { ApiCall } from '@eterne/cluster/api/client.ts';
import { accepted } from '@eterne/cluster/api/schema/names.ts';
import { splitBrains, volumeDetail, type VolumeDetail } from '@eterne/cluster/api/schema/volumes.ts';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { WAIT_GOALS, hasReached, type WaitGoal } from '@eterne/disk/process/wait.ts';
import { createNodeWorld } from '@eterne/runtime/node/world.ts';
import type { Command } from 'commander';
import { checkEnd, copiesOf, isCopying, leadOf } from '../disk/copies.ts';
import { usable, waitGoal } from '../disk/options.ts';
import { ProgressLine } from '../disk/progress.ts';
import { splitBrainLines } from '../disk/split-brain.ts';
import { volumeLines } from '../disk/status-text.ts';
import { HOME_AND_CLEAR } from '../disk/watch.ts';
import { openSession, withConnection, type Session } from './session.ts';

const POLL_MS = 500;
const EXPLAIN_TIMEOUT_MS = 600_000;

export const volumePath = (name: string): string => `/api/v1/volumes/${encodeURIComponent(name)}`;
export const orderPath = (name: string, verb: string): string => `${volumePath(name)}/${verb}`;
export const replicaPath = (name: string, node: string, question: string): string =>
  `${volumePath(name)}/replicas/${encodeURIComponent(node)}/${question}`;

export function volumeStatusVerbs(volume: Command): void {
  withConnection(volume.command('status <name>'))
    .description('show what each replica tells of itself: links, copies and verifies under way')
    .option('--watch', 'again whenever it has changed, until interrupted')
    .option('--split-brain', 'show what each side of a split brain changed, and in which files')
    .action(async (name: string, options: { watch?: true; splitBrain?: true }, command: Command) => {
      const session = await openSession(command);
      if (options.splitBrain === true) return explain(session, name);
      if (options.watch === true) return watch(session, name);
      const detail = await detailOf(session, name);
      session.print(detail, () => detailText(detail));
    });

  withConnection(volume.command('wait <name>'))
    .description('wait for a state of the volume')
    .requiredOption('--for <state>', WAIT_GOALS.join(' | '))
    .option('--timeout <time>', 'for example 30s', '30s')
    .action(async (name: string, options: { for: string; timeout: string }, command: Command) => {
      const goal = waitGoal(options.for);
      const timeoutMs = usable('--timeout', () => parseDurationMs(options.timeout));
      const session = await openSession(command);
      const detail = await waitFor(session, name, goal, timeoutMs);
      session.print(detail, () => detailText(detail));
    });
}

function detailOf(session: Session, name: string): Promise<VolumeDetail> {
  return session.ask({ method: 'GET', path: volumePath(name) }, volumeDetail);
}

/** The replica that knows of all: the primary's; while nobody serves, the first that answers. */
function leading({ replicas }: VolumeDetail): VolumeStatus | undefined {
  const reports = replicas.flatMap(({ report }) => report ?? []);
  return reports.find(({ role }) => role === 'primary') ?? reports[0];
}

function detailText({ replicas }: VolumeDetail): string {
  return replicas
    .flatMap(({ node, report, problem }) =>
      report === null ? [`${node}: ${problem ?? 'unknown'}`] : [node, ...volumeLines(report)],
    )
    .join('\n');
}

async function watch(session: Session, name: string): Promise<never> {
  let shown = '';
  for (;;) {
    const detail = await detailOf(session, name);
    const now = session.json ? JSON.stringify(detail) : detailText(detail);
    if (now !== shown)
      process.stdout.write(`${process.stdout.isTTY && !session.json ? HOME_AND_CLEAR : ''}${now}\n`);
    shown = now;
    await pause();
  }
}

async function explain(session: Session, name: string): Promise<void> {
  const { replicas } = await detailOf(session, name);
  const parted = replicas.filter(({ report }) => report?.peers.some(({ splitBrain }) => splitBrain));
  const [node] = parted.map((replica) => replica.node);
  const path = node === undefined ? undefined : replicaPath(name, node, 'split-brain');
  const answer =
    path === undefined
      ? { splitBrains: [] }
      : await session.ask({ method: 'GET', path, timeoutMs: EXPLAIN_TIMEOUT_MS }, splitBrains);
  const explained = { volume: name, ...answer };
  session.print(explained, () =>
    splitBrainLines(explained, `eterne volume resolve --node ${node}`).join('\n'),
  );
}

async function waitFor(
  session: Session,
  name: string,
  goal: WaitGoal,
  timeoutMs: number,
): Promise<VolumeDetail> {
  const { clock } = createNodeWorld('volume wait');
  const deadlineMs = clock.bootMs() + timeoutMs;
  const line = new ProgressLine();
  for (;;) {
    const detail = await detailOf(session, name);
    const status = leading(detail);
    const isThere = status !== undefined && hasReached(status, goal);
    if (isThere || clock.bootMs() >= deadlineMs) line.clear();
    if (isThere) return detail;
    if (clock.bootMs() >= deadlineMs) throw new EterneError('timeout', `volume ${name} is not ${goal} yet`);
    line.show(status === undefined ? [] : copiesOf(status));
    await pause();
  }
}

/** Begins it with `call`, shows how far it is, and stays until it is over. One that was cut short is an error; differences are not. */
export async function watchVerify(
  session: Session,
  name: string,
  options: { readonly node?: string; readonly peer?: string; readonly repair?: true },
  call: ApiCall,
): Promise<void> {
  const reportOf = (detail: VolumeDetail): VolumeStatus | undefined =>
    options.node === undefined
      ? leading(detail)
      : (detail.replicas.find(({ node }) => node === options.node)?.report ?? undefined);
  const before = reportOf(await detailOf(session, name));
  const lead = before === undefined ? undefined : leadOf(before);
  await session.ask(call, accepted);
  const line = new ProgressLine();
  for (;;) {
    const detail = await detailOf(session, name);
    const status = reportOf(detail);
    const copies = status === undefined ? [] : copiesOf(status);
    const running = copies
      .filter(({ node }) => (options.peer ?? node) === node)
      .filter((copy) => copy.verify !== null || (options.repair === true && isCopying(copy)));
    if (running.length === 0) {
      line.clear();
      if (status === undefined || copies.length === 0)
        throw new EterneError('unreachable', `volume ${name}: its node does not answer`);
      checkEnd(name, lead, status, options.peer);
      return session.print(detail, () => detailText(detail));
    }
    line.show(running);
    await pause();
  }
}

function pause(): Promise<void> {
  const { timers } = createNodeWorld('volume');
  return new Promise((resolve) => timers.after(POLL_MS, resolve));
}
