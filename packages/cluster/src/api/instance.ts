/** The bare HTTP server: TLS, limits, schemas. What it serves is added by `server.ts`. */
import { createHttpsServer } from '@eterne/runtime/node/https-server.ts';
import fastify from 'fastify';
import type { NodeIdentity } from '../node/identity.ts';
import { serializerCompiler, validatorCompiler, type ZodTypes } from './schemas-in-fastify.ts';

const BODY_MAX_BYTES = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 65_000;
/** The log's files and the other daemons' sockets need file descriptors of the same process. */
const CONNECTIONS_MAX = 512;

export function createInstance(identity: NodeIdentity) {
  const { certPem, keyPem, caPem } = identity.tls;
  const api = fastify({
    serverFactory: (handler) => {
      const server = createHttpsServer({ certPem, keyPem, chainPem: caPem }, handler);
      server.requestTimeout = REQUEST_TIMEOUT_MS;
      server.keepAliveTimeout = IDLE_TIMEOUT_MS;
      server.maxConnections = CONNECTIONS_MAX;
      return server;
    },
    bodyLimit: BODY_MAX_BYTES,
    // A HEAD of the live stream would stay open and say nothing.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 100 },
  }).withTypeProvider<ZodTypes>();
  api.setValidatorCompiler(validatorCompiler);
  api.setSerializerCompiler(serializerCompiler);
  return api;
}

export type Api = ReturnType<typeof createInstance>;
