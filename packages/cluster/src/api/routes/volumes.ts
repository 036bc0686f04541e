import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accepted, nameParams } from '../schema/names.ts';
import { acceptLossOrder, configDocument } from '../schema/orders.ts';
import { resizeOrder } from '../schema/volumes.ts';

export function volumeRoutes(api: Api, { facade }: ApiContext): void {
  api.post(
    '/api/v1/volumes',
    {
      schema: {
        summary: 'Create a volume: one entry of the configuration document’s `volumes`',
        body: configDocument,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.volumeCreate(request.body, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.delete(
    '/api/v1/volumes/:name',
    {
      schema: { summary: 'Delete a volume', params: nameParams, response: { 202: accepted } },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.volumeDelete(request.params.name, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.post(
    '/api/v1/volumes/:name/resize',
    {
      schema: {
        summary: 'Have it grow on every replica, while it is in use',
        params: nameParams,
        body: resizeOrder,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      const { part, size } = request.body;
      await facade.volumeResize(request.params.name, part, size, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.post(
    '/api/v1/volumes/:name/accept-loss',
    {
      schema: {
        summary: 'Go on with the copy of one node although it may lack acknowledged writes',
        params: nameParams,
        body: acceptLossOrder,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.volumeAcceptLoss(request.params.name, request.body.node, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );
}
