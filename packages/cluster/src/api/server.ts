/**
 * The API of a cluster node: REST, a live stream and the console over HTTPS, the same on every node, because reads answer from the
 * state that all nodes share and orders travel to the leader. Reference: docs/reference/api.md and /api/v1/openapi.json.
 */
import fastifyCookie from '@fastify/cookie';
import fastifySwagger from '@fastify/swagger';
import { assert, EterneError, InvariantError } from '@eterne/base';
import type { Address } from '@eterne/runtime';
import { z } from 'zod';
import { Sessions } from './auth/session.ts';
import { serveConsole } from './console-files.ts';
import type { ApiContext } from './context.ts';
import { asEterneError, errorBody, HTTP_STATUS } from './errors.ts';
import { guardRoutes } from './guard.ts';
import { Neighbours } from './neighbours.ts';
import { type Api, createInstance } from './instance.ts';
import { accountRoutes } from './routes/accounts.ts';
import { configRoutes } from './routes/config.ts';
import { groupRoutes } from './routes/groups.ts';
import { joinRoutes } from './routes/join.ts';
import { metricsRoute } from './routes/metrics.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { sessionRoutes } from './routes/session.ts';
import { statusRoutes } from './routes/status.ts';
import { streamRoute } from './routes/stream.ts';
import { templateRoutes } from './routes/templates.ts';
import { replicaRoutes } from './routes/replicas.ts';
import { volumeOrderRoutes } from './routes/volume-orders.ts';
import { volumeRoutes } from './routes/volumes.ts';
import { describeRoute } from './schemas-in-fastify.ts';
import { addSecurityHeaders } from './security-headers.ts';

export interface RunningApi {
  /** `host:port`, with the real port when 0 was asked for. */
  readonly address: Address;
  close(): Promise<void>;
}

/** Listens on `context.identity.api`. Rejects with `io` when the address cannot be used. */
export async function startApi(given: Omit<ApiContext, 'neighbours'>): Promise<RunningApi> {
  const context: ApiContext = { ...given, neighbours: new Neighbours(given.identity, given.facade) };
  const api = createInstance(context.identity);
  answerErrors(api, context);
  addSecurityHeaders(api);
  await api.register(fastifyCookie);
  await api.register(fastifySwagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Eterne', version: '1' } },
    transform: describeRoute,
  });
  const sessions = new Sessions(context.identity.clusterKey);
  const guard = guardRoutes(api, context, sessions);
  sessionRoutes(api, context, sessions);
  statusRoutes(api, context);
  metricsRoute(api, context);
  streamRoute(api, context, guard.stillAllowed);
  nodeRoutes(api, context);
  volumeRoutes(api, context);
  volumeOrderRoutes(api, context);
  replicaRoutes(api, context);
  groupRoutes(api, context);
  configRoutes(api, context);
  templateRoutes(api);
  joinRoutes(api, context);
  accountRoutes(api, context);
  describeItself(api);
  await serveConsole(api, context.consoleFolder);
  return { address: await listen(api, context.identity.api), close: () => api.close() };
}

async function listen(api: Api, address: Address): Promise<Address> {
  const { hostname, port } = new URL(`https://${address}`);
  try {
    await api.listen({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 443) });
  } catch (cause) {
    throw new EterneError('io', `the API cannot listen on ${address}: ${(cause as Error).message}`, {
      cause,
    });
  }
  const bound = api.server.address();
  assert(typeof bound === 'object' && bound !== null, 'a TCP server that listens has a port');
  return `${hostname}:${bound.port}`;
}

function answerErrors(api: Api, { world }: ApiContext): void {
  api.setErrorHandler((error, request, reply) => {
    if (error instanceof InvariantError)
      world.timers.soon(() => {
        throw error;
      });
    const known = asEterneError(error);
    if (!known) world.log('error', 'a request failed', { url: request.url, error: String(error) });
    const answer = known ?? new EterneError('io', 'the node could not answer; its log says why');
    return reply.code(HTTP_STATUS[answer.code]).serializer(JSON.stringify).send(errorBody(answer));
  });
}

function describeItself(api: Api): void {
  api.get(
    '/api/v1/openapi.json',
    {
      schema: { summary: 'This description', response: { 200: z.record(z.string(), z.unknown()) } },
      config: { access: 'public' },
    },
    () => api.swagger() as Record<string, unknown>,
  );
}
