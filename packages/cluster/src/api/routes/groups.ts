import { type ApiContext, requesterOf } from '../context.ts';
import type { Api } from '../instance.ts';
import { accepted, nameParams } from '../schema/names.ts';
import { MAINTENANCE } from './nodes.ts';
import { configDocument, drillResult, groupExplanation, moveOrder } from '../schema/orders.ts';

export function groupRoutes(api: Api, { facade }: ApiContext): void {
  api.post(
    '/api/v1/groups',
    {
      schema: {
        summary: 'Create a group: one entry of the configuration document’s `groups`',
        body: configDocument,
        response: { 202: accepted },
      },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.groupCreate(request.body, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  const orders = [
    ['start', 'Run it on the best node', 'groupStart'],
    ['stop', 'Stop it and keep it stopped', 'groupStop'],
  ] as const;
  for (const [verb, summary, order] of orders)
    api.post(
      `/api/v1/groups/:name/${verb}`,
      {
        schema: { summary, params: nameParams, response: { 202: accepted } },
        config: { access: 'operator' },
      },
      async (request, reply) => {
        await facade[order](request.params.name, requesterOf(request));
        return reply.code(202).send({ accepted: true });
      },
    );

  for (const [verb, on] of MAINTENANCE)
    api.post(
      `/api/v1/groups/:name/maintenance/${verb}`,
      {
        schema: {
          summary: on ? 'Leave it as it is, whatever happens' : 'Look after it again',
          params: nameParams,
          response: { 202: accepted },
        },
        config: { access: 'operator' },
      },
      async (request, reply) => {
        await facade.setMaintenance(request.params.name, on, requesterOf(request));
        return reply.code(202).send({ accepted: true });
      },
    );

  api.post(
    '/api/v1/groups/:name/move',
    {
      schema: {
        summary: 'Move it to another node',
        params: nameParams,
        body: moveOrder,
        response: { 202: accepted },
      },
      config: { access: 'operator' },
    },
    async (request, reply) => {
      await facade.groupMove(request.params.name, request.body?.to, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );

  api.post(
    '/api/v1/groups/:name/drill',
    {
      schema: {
        summary: 'Switch it over for real and report outage and lost writes; answers when it is over',
        params: nameParams,
        response: { 200: drillResult },
      },
      config: { access: 'operator' },
    },
    (request) => facade.drill(request.params.name, requesterOf(request)),
  );

  api.get(
    '/api/v1/groups/:name/explain',
    {
      schema: {
        summary: 'Why it is where it is, and where else it could be',
        params: nameParams,
        response: { 200: groupExplanation },
      },
      config: { access: 'viewer' },
    },
    (request) => facade.groupExplain(request.params.name),
  );

  api.delete(
    '/api/v1/groups/:name',
    {
      schema: { summary: 'Delete a stopped group', params: nameParams, response: { 202: accepted } },
      config: { access: 'admin' },
    },
    async (request, reply) => {
      await facade.groupDelete(request.params.name, requesterOf(request));
      return reply.code(202).send({ accepted: true });
    },
  );
}
