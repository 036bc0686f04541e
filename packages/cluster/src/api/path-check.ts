/**
 * Before a document takes paths away: do the members that it concerns hear each other over one that stays? The state cannot know (`state/places.ts` only
 * sees to it that one is left), so they are asked. Who hears nothing of the other anyway has nothing to lose.
 */
import { EterneError } from '@eterne/base';
import type { PathStatus } from '../ports.ts';
import type { ClusterStatus, Requester } from '../service/facade.ts';
import type { Losses, Way } from '../state/places.ts';
import type { ApiContext } from './context.ts';
import { clusterStatus } from './schema/status.ts';

type Context = Pick<ApiContext, 'facade' | 'neighbours'>;

export async function confirmPaths(context: Context, document: unknown, by: Requester): Promise<void> {
  for (const lost of await context.facade.configLosses(document)) {
    const { a, b, kept } = lost;
    const up = (await pathsBetween(context, lost, by)).filter((path) => path.up);
    if (up.length === 0 || kept.some((way) => up.some(({ path }) => path === nameOf(way)))) continue;
    throw new EterneError(
      'refused',
      `${a} and ${b} do not hear each other over what they would keep (${kept.map(shown).join('; ')})`,
      { hint: 'wait until that path is up (`eterne status --json`), or find out why it is down' },
    );
  }
}

/** To `b`, as `a` sees them; messages only. */
async function pathsBetween(
  { facade, neighbours }: Context,
  { a, b }: Losses,
  by: Requester,
): Promise<readonly Pick<PathStatus, 'path' | 'up'>[]> {
  const own = facade.status();
  const status: Pick<ClusterStatus, 'nodes'> =
    own.reportedBy === a
      ? own
      : await neighbours.ask(a, { method: 'GET', path: '/api/v1/status' }, by, clusterStatus);
  const paths = status.nodes.find(({ name }) => name === b)?.paths ?? [];
  return paths.filter(({ kind }) => kind === 'udp');
}

const nameOf = ({ local, remote }: Way): string => `udp:${local}-${remote}`;
const shown = ({ local, remote }: Way): string => `${local} – ${remote}`;
