/** What an operator wants of one replica. Whichever node is asked hands it on to the one that has to act. */
import { EterneError } from '@eterne/base';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { copiesOf } from '../../state/joined.ts';
import type { VolumeOrder } from '../../state/volume-orders.ts';
import { type Access, type ApiContext, isForwarded, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accepted, nameParams } from '../schema/names.ts';
import {
  attachOrder,
  detachOrder,
  invalidateOrder,
  linkOrder,
  rescueDropOrder,
  rescueExportOrder,
  resolveOrder,
  resyncOrder,
  verifyOrder,
} from '../schema/volumes.ts';

/** An image is as large as its volume. */
const LONGEST_MS = 24 * 3_600_000;

interface Target {
  readonly volume: string;
  /** Who carries it out. */
  readonly node: string;
  /** The one that is named, or the only other replica. */
  peer(named: string | undefined): string;
}

interface OrderRoute<Body extends z.ZodType> {
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  readonly body: Body;
  readonly orderOf: (body: z.output<Body>, target: Target) => VolumeOrder;
}

export function volumeOrderRoutes(api: Api, context: ApiContext): void {
  const add = <Body extends z.ZodType<{ readonly node?: string }>>(route: OrderRoute<Body>): void =>
    addRoute(api, context, route);
  add({
    path: 'verify',
    summary: 'Compare the copies while the volume is in use; the volume’s status shows how far it is',
    access: 'operator',
    body: verifyOrder,
    orderOf: ({ fast, repair, peer }) => ({ verb: 'verify', fast, repair, ...named(peer) }),
  });
  add({
    path: 'resync',
    summary: 'Copy what a verify has marked',
    access: 'operator',
    body: resyncOrder,
    orderOf: ({ peer }) => ({ verb: 'resync', ...named(peer) }),
  });
  for (const verb of ['connect', 'disconnect'] as const)
    add({
      path: verb,
      summary:
        verb === 'connect' ? 'Take up the link with another replica again' : 'Leave another replica alone',
      access: 'operator',
      body: linkOrder,
      orderOf: (body, target) => ({ verb, peer: target.peer(body.peer) }),
    });
  add({
    path: 'detach',
    summary: 'Give the disk of a replica back, to be taken away; another node serves',
    access: 'operator',
    body: detachOrder,
    orderOf: () => ({ verb: 'detach' }),
  });
  add({
    path: 'attach',
    summary: 'The failed or detached disk of a replica is there again',
    access: 'operator',
    body: attachOrder,
    orderOf: ({ replaced, confirm }, { volume }) => {
      if (replaced) mustConfirm(volume, confirm);
      return { verb: 'attach', replaced };
    },
  });
  add({
    path: 'invalidate',
    summary: 'Declare the content of a replica worthless: everything is copied to it',
    access: 'admin',
    body: invalidateOrder,
    orderOf: ({ confirm }, { volume }) => {
      mustConfirm(volume, confirm);
      return { verb: 'invalidate' };
    },
  });
  add({
    path: 'resolve',
    summary: 'End a split brain: what one side changed is given up, into its rescue journal',
    access: 'admin',
    body: resolveOrder,
    orderOf: ({ confirm, discard, peer }, target) => {
      mustConfirm(target.volume, confirm);
      return { verb: 'resolve', discard, peer: target.peer(peer) };
    },
  });
  add({
    path: 'rescue/export',
    summary: 'Write an image of what a replica held before it was overwritten, into a new file on its node',
    access: 'admin',
    body: rescueExportOrder,
    orderOf: ({ id, part, path }) => ({
      verb: 'rescue-export',
      path,
      ...(id === undefined ? {} : { id }),
      ...(part === undefined ? {} : { part }),
    }),
  });
  add({
    path: 'rescue/drop',
    summary: 'Give up what the rescue journal keeps, and its room',
    access: 'admin',
    body: rescueDropOrder,
    orderOf: ({ id, confirm }, { volume }) => {
      mustConfirm(volume, confirm);
      return { verb: 'rescue-drop', id };
    },
  });
}

const named = (peer: string | undefined): { peer?: string } => (peer === undefined ? {} : { peer });

function addRoute<Body extends z.ZodType<{ readonly node?: string }>>(
  api: Api,
  { facade, neighbours }: ApiContext,
  { access, body, orderOf, path, summary }: OrderRoute<Body>,
): void {
  api.post(
    `/api/v1/volumes/:name/${path}`,
    { schema: { summary, params: nameParams, body, response: { 202: accepted } }, config: { access } },
    async (request, reply) => {
      const { name } = request.params;
      const given = request.body as z.output<Body>;
      const node = await facade.volumeActor(name, given.node);
      const peer = (named: string | undefined): string => named ?? onlyOther(facade.state(), name, node);
      const order = orderOf(given, { volume: name, node, peer });
      if (node === facade.node) await facade.volumeOrder(name, order, requesterOf(request));
      else
        await handOn(request, () =>
          neighbours.ask(node, callOf(request, node), requesterOf(request), accepted),
        );
      return reply.code(202).send({ accepted: true });
    },
  );
}

/** The same request, with the node named: nobody hands it on twice. */
function callOf(request: FastifyRequest, node: string) {
  const body = { ...(request.body as object), node };
  return { method: 'POST', path: request.url, body, timeoutMs: LONGEST_MS } as const;
}

async function handOn<T>(request: FastifyRequest, ask: () => Promise<T>): Promise<T> {
  if (!isForwarded(request)) return ask();
  throw new EterneError('conflict', 'the request was handed on to a node that is not the one to act', {
    hint: 'try again',
  });
}

function onlyOther(
  { volumes }: ReturnType<ApiContext['facade']['state']>,
  name: string,
  node: string,
): string {
  const volume = volumes[name];
  const others = volume === undefined ? [] : copiesOf(volume.spec).filter((copy) => copy !== node);
  const [only] = others;
  if (only !== undefined && others.length === 1) return only;
  throw new EterneError('usage', `volume ${name} has ${others.length} other replicas: name the peer`);
}

function mustConfirm(volume: string, confirmed: string | undefined): void {
  if (confirmed === volume) return;
  throw new EterneError('usage', 'this gives up data: confirm it by the name of the volume', {
    hint: `confirm: ${volume}`,
  });
}
