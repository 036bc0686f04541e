/** Puts a heart behind a unix socket, for the service and the monitor of its node. */
import type { EterneError } from '@eterne/base';
import type { Listener, World } from '@eterne/runtime';
import { listenLinks, type AcceptedLink, type LinkWorld } from '../node/link.ts';
import type { Heart } from './heart.ts';
import type { Reaper } from './reaper.ts';
import { LeaseNews } from './lease-news.ts';
import type { HeartWatchdog } from './watchdog.ts';
import type { FromHeart, HeartTopic, ToHeart } from './messages.ts';
import type { HeartSetup } from './setup.ts';

export interface HeartServerParts {
  readonly heart: Heart;
  readonly reaper: Reaper;
  /** Of a node. */
  readonly watchdog?: HeartWatchdog;
  /** The service says who beats to whom, and where. */
  readonly onSetup: (setup: HeartSetup) => void;
}

export function serveHeart(
  world: LinkWorld & Pick<World, 'clock'>,
  address: string,
  parts: HeartServerParts,
  done: (result: Listener | EterneError) => void,
): void {
  const { heart, reaper, watchdog } = parts;
  const subscribers = new Map<AcceptedLink, readonly HeartTopic[]>();
  let news = new LeaseNews();
  const publish = (topic: HeartTopic, message: FromHeart): void => {
    for (const [link, topics] of subscribers) if (topics.includes(topic)) link.note('heart', message);
  };
  heart.onLiveness((alive, paths, dropped) =>
    publish('liveness', { note: 'liveness', alive: [...alive], paths, dropped }),
  );
  heart.onLeaseRequest((request) => publish('requests', { note: 'request', request }));
  watchdog?.onReport((report) => publish('watchdog', { note: 'watchdog', report }));
  heart.onLease((leases) => {
    reaper.leased(leases);
    watchdog?.vigil.leased(leases);
    if (news.take(leases, world.clock.bootMs())) publish('leases', { note: 'leases', leases: [...leases] });
  });
  const handle = (link: AcceptedLink, message: ToHeart): void => {
    switch (message.note) {
      case 'subscribe':
        subscribers.set(link, message.topics);
        // Who is new has been told nothing.
        news = new LeaseNews();
        if (watchdog) link.note('heart', { note: 'watchdog', report: watchdog.report });
        return heart.repeat();
      case 'setup':
        return parts.onSetup(message.setup);
      case 'grant':
        return heart.grant(message.grant);
      case 'register':
        watchdog?.vigil.register(
          new Set(message.registrations.map(({ group }) => group)),
          heart.leases,
          world.clock.bootMs(),
        );
        return reaper.register(message.registrations);
      case 'want-watchdog':
        return watchdog?.want(message.spec);
      case 'recall':
        return heart.recall(new Map(message.leases));
    }
  };
  listenLinks(
    world,
    address,
    (link) => ({
      onCall: (_name, _body, reply) => reply({ ok: null }),
      onNote: (_name, body) => handle(link, body as ToHeart),
      onClose: () => void subscribers.delete(link),
    }),
    done,
  );
}
