/**
 * Grows a volume that is served, all replicas together:
 *
 * 1. Every connected replica, this one too, makes room (`growth.ts`). One that cannot ends it, and nothing has changed.
 * 2. The peers make the new size durable.
 * 3. So does this replica. Only now do the front ends show it, so whatever is written behind the old end finds every member of the in-sync set ready.
 *
 * Cut short after 2, some replicas are larger than others. The larger size counts: whoever meets a larger replica grows first
 * (`volume-size.ts`), a primary by doing all of this.
 */
import { EterneError } from '@eterne/base';
import { BLOCK_BYTES, type MetadataDone } from '../../metadata/index.ts';
import type { ResizeStep } from '../../protocol/messages/resize.ts';
import type { Peer } from '../link/peer.ts';
import type { Session } from '../link/session.ts';
import type { Primary } from '../primary/primary.ts';
import type { Replica } from '../replica.ts';
import { MAX_VOLUME_BYTES } from '../../metadata/layout.ts';
import type { Growth } from './growth.ts';

export interface ResizeParts {
  readonly replica: Replica;
  readonly primary: Primary;
  readonly growth: Growth;
  readonly sizeBytes: number;
  /** A member that need not be connected, because it has this size already. */
  readonly grownPeer?: string | undefined;
}

export function resize(parts: ResizeParts, done: MetadataDone): void {
  const { growth, primary, replica, sizeBytes } = parts;
  const problem = problemOf(parts);
  if (problem !== undefined || sizeBytes === replica.sizeBytes) return done(problem);
  const sessions = replica.peers.flatMap(({ session }) => (session?.isEqual === true ? [session] : []));
  const isOver = (): boolean => replica.primary !== primary || primary.closed;
  askAll(sessions, { step: 'prepare', sizeBytes }, growth, (refusal) => {
    if (refusal !== undefined || isOver()) return done(refusal ?? termOver());
    askAll(sessions, { step: 'commit', sizeBytes }, undefined, (lost) => {
      if (lost !== undefined) return done(cutShort(lost));
      if (isOver()) return done(termOver());
      growth.commit(sizeBytes, true, done);
    });
  });
}

/** All at once; the first problem, after all have answered. `growth`: this replica takes part. */
function askAll(
  sessions: readonly Session[],
  step: ResizeStep,
  growth: Growth | undefined,
  done: MetadataDone,
): void {
  let unfinished = 1 + sessions.length;
  let first: EterneError | undefined;
  const finished = (problem: EterneError | undefined): void => {
    first ??= problem;
    unfinished -= 1;
    if (unfinished === 0) done(first);
  };
  for (const session of sessions)
    session.askResize(step, (problem) =>
      finished(problem === undefined ? undefined : refused(problem, 'nothing was changed')),
    );
  if (growth === undefined) finished(undefined);
  else growth.prepare(step.sizeBytes, finished);
}

function problemOf({ grownPeer, primary, replica, sizeBytes }: ResizeParts): EterneError | undefined {
  const { disk } = replica;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes > MAX_VOLUME_BYTES)
    return new EterneError('usage', `a volume of ${sizeBytes} bytes is not possible`);
  if (sizeBytes % BLOCK_BYTES !== 0)
    return new EterneError('usage', `${sizeBytes} bytes are not a multiple of ${BLOCK_BYTES}`);
  if (sizeBytes < replica.sizeBytes)
    return refused(
      `the volume has ${replica.sizeBytes} bytes: to cut off the last ${replica.sizeBytes - sizeBytes} would destroy what lies there`,
      'copy what is needed to a new, smaller volume',
    );
  if (primary.closed) return termOver();
  if (disk.isRebuilding) return refused('the disk of this node is being copied to', 'wait until it is whole');
  if (disk.failure !== undefined) return refused('the disk of this node is not whole', 'attach it first');
  const copying = replica.peers.find(isCopying);
  if (copying !== undefined)
    return refused(`${copying.node} is being synchronised`, `wait until ${copying.node} is UpToDate`);
  const { node } = replica.config;
  const isThere = (member: string): boolean =>
    replica.peers.some((peer) => peer.node === member && peer.session?.isEqual === true);
  const away = primary.set.members.find(
    (member) => member !== node && member !== grownPeer && !isThere(member),
  );
  if (away !== undefined)
    return refused(`${away} belongs to the in-sync set and is not connected`, `wait until ${away} is back`);
  return undefined;
}

/** While a copy is being opened there is no link yet. */
function isCopying({ link, session }: Peer): boolean {
  return (link !== undefined && !link.isEqual) || session?.phase === 'source' || session?.phase === 'target';
}

function cutShort({ message }: EterneError): EterneError {
  return refused(message, 'the volume grows when it is back; or do it again');
}

function termOver(): EterneError {
  return new EterneError('not-primary', 'the term has ended meanwhile');
}

function refused(message: string, hint: string): EterneError {
  return new EterneError('refused', message, { hint });
}
