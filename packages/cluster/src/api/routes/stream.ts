/** `GET /api/v1/stream`: the live state and the timeline as server-sent events. See `live-feed.ts`. */
import { EterneError } from '@eterne/base';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import type { Api } from '../instance.ts';
import { LiveFeed } from '../live-feed.ts';

const BEAT_MS = 2_000;
const SUBSCRIBERS_MAX = 64;

const streamQuery = z.strictObject({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('only events with a higher id; `Last-Event-ID` wins'),
});
const lastEventId = z.coerce.number().int().min(0);

/** `stillAllowed` is asked at every beat: a removed account or an ended session also ends its streams. */
export function streamRoute(
  api: Api,
  context: ApiContext,
  stillAllowed: (request: FastifyRequest) => boolean,
): void {
  let subscribers = 0;
  api.get(
    '/api/v1/stream',
    {
      schema: { summary: 'Live status and events (text/event-stream)', querystring: streamQuery },
      config: { access: 'viewer' },
    },
    (request, reply) => {
      if (subscribers >= SUBSCRIBERS_MAX) throw new EterneError('busy', 'too many open streams on this node');
      subscribers += 1;
      const header = lastEventId.safeParse(request.headers['last-event-id']);
      const after = header.success ? header.data : request.query.after;
      serve(
        context,
        reply,
        after,
        () => stillAllowed(request),
        () => (subscribers -= 1),
      );
    },
  );
}

function serve(
  { facade, world }: ApiContext,
  reply: FastifyReply,
  after: number,
  stillAllowed: () => boolean,
  onEnd: () => void,
): void {
  reply.hijack();
  const { raw } = reply;
  // `as Record`: hijacking passes over the headers that the hooks have set.
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  });
  const feed = new LiveFeed(facade, { write: (text) => raw.write(text), close: () => raw.destroy() }, after);
  const unsubscribe = facade.subscribe(() => feed.changed());
  const timer = world.timers.every(BEAT_MS, () => {
    if (stillAllowed()) feed.beat();
    else raw.end();
  });
  raw.on('drain', () => feed.drained());
  raw.on('close', () => {
    timer.cancel();
    unsubscribe();
    onEnd();
  });
  feed.changed();
}
