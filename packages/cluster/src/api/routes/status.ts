import type { ApiContext } from '../context.ts';
import type { Api } from '../instance.ts';
import { clusterStatus, eventList, eventsQuery } from '../schema/status.ts';

export function statusRoutes(api: Api, { facade }: ApiContext): void {
  api.get(
    '/api/v1/status',
    {
      schema: { summary: 'The whole cluster as this node sees it', response: { 200: clusterStatus } },
      config: { access: 'viewer' },
    },
    () => facade.status(),
  );

  api.get(
    '/api/v1/events',
    {
      schema: {
        summary: 'The timeline, oldest first',
        querystring: eventsQuery,
        response: { 200: eventList },
      },
      config: { access: 'viewer' },
    },
    ({ query }) => ({ events: facade.events(query.after).slice(-query.limit) }),
  );
}
