/** Serves the built console: its files, and for every other address of a page its `index.html` (the page finds its own way). */
import fastifyStatic from '@fastify/static';
import { EterneError } from '@eterne/base';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, HTTP_STATUS } from './errors.ts';
import type { Api } from './instance.ts';

export async function serveConsole(api: Api, folder: string | undefined): Promise<void> {
  if (folder !== undefined)
    await api.register(fastifyStatic, {
      root: folder,
      wildcard: false,
      index: false,
      immutable: true,
      maxAge: '1y',
    });
  api.setNotFoundHandler((request, reply) => {
    if (folder !== undefined && isPage(request))
      return reply.sendFile('index.html', { immutable: false, maxAge: 0 });
    if (isPage(request)) return notBuilt(reply);
    return unknownAddress(request, reply);
  });
}

function isPage(request: FastifyRequest): boolean {
  const path = request.url.split('?')[0] ?? '';
  return request.method === 'GET' && !path.startsWith('/api/') && !path.includes('.');
}

/** Who opens the address that `eterne cluster init` prints is told why there is nothing to see. */
function notBuilt(reply: FastifyReply): FastifyReply {
  const error = new EterneError('not-found', 'the console is not built on this node; its API is served', {
    hint: 'npm run build in the project’s folder, then start the node again',
  });
  return reply.code(HTTP_STATUS[error.code]).send(errorBody(error));
}

function unknownAddress(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const error = new EterneError('not-found', `${request.method} ${request.url} is not part of this API`, {
    hint: 'see /api/v1/openapi.json',
  });
  return reply.code(HTTP_STATUS[error.code]).send(errorBody(error));
}
