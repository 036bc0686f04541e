/**
 * Puts a monitor behind a unix socket: calls start, stop, probe, find, kill, drill, fence, check-fence, ping-addresses, watch, reports, ping; the
 * notes reports and troubles.
 */
import { EterneError } from '@eterne/base';
import type { Listener, Reply } from '@eterne/runtime';
import type { FenceOrder } from '../fencing/order.ts';
import { listenLinks, type AcceptedLink, type LinkWorld } from '../node/link.ts';
import type { DrillOrder, ResourceSpec, WatchOrder } from '../ports.ts';
import type { FenceDevice } from '../state/model.ts';
import type { Monitor } from './monitor.ts';

export type ToMonitor =
  | {
      readonly call: 'start';
      readonly spec: ResourceSpec;
      readonly epoch: number;
      readonly timeoutMs: number;
    }
  | { readonly call: 'stop'; readonly spec: ResourceSpec; readonly timeoutMs: number }
  | { readonly call: 'probe'; readonly spec: ResourceSpec }
  | { readonly call: 'find'; readonly spec: ResourceSpec; readonly timeoutMs: number }
  | { readonly call: 'kill'; readonly group: string }
  | { readonly call: 'fence'; readonly order: FenceOrder }
  | { readonly call: 'ping-addresses'; readonly addresses: readonly string[] }
  | { readonly call: 'check-fence'; readonly device: FenceDevice }
  | { readonly call: 'drill'; readonly order: DrillOrder }
  | { readonly call: 'watch'; readonly order: WatchOrder }
  | { readonly call: 'reports' }
  | { readonly call: 'ping' };

export function serveMonitor(
  world: LinkWorld,
  address: string,
  monitor: Monitor,
  done: (result: Listener | EterneError) => void,
): void {
  const links = new Set<AcceptedLink>();
  /** In the order in which they came; of a service that has ended more may be read when its successor is heard already. */
  let accepted = 0;
  let newestService = 0;
  monitor.onReport((reports) => {
    for (const link of links) link.note('reports', reports);
  });
  monitor.onTroubles((troubles) => {
    for (const link of links) link.note('troubles', troubles);
  });
  listenLinks(
    world,
    address,
    (link) => {
      links.add(link);
      accepted += 1;
      const own = accepted;
      const isMeant = (): boolean => links.has(link) && own >= newestService;
      world.timers.soon(() => link.note('reports', monitor.reports));
      return {
        onCall: (_name, body, reply) => {
          const message = body as ToMonitor;
          if (isOfService(message)) newestService = Math.max(newestService, own);
          act(monitor, message, reply, isMeant);
        },
        onNote: () => {},
        onClose: () => void links.delete(link),
      };
    },
    done,
  );
}

/** Only it gives orders to start and end; others ask whether the monitor is there, and what runs. */
function isOfService({ call }: ToMonitor): boolean {
  return call === 'start' || call === 'stop' || call === 'kill' || call === 'probe' || call === 'find';
}

function act(monitor: Monitor, message: ToMonitor, reply: Reply, isMeant: () => boolean): void {
  switch (message.call) {
    case 'start':
      return monitor.start(message.spec, message.epoch, message.timeoutMs, (ok) => reply({ ok }), isMeant);
    case 'stop':
      return monitor.stop(message.spec, message.timeoutMs, (ok) => reply({ ok }));
    case 'probe':
      return monitor.probe(message.spec, (ok) => reply({ ok }));
    case 'find':
      return monitor.find(message.spec, message.timeoutMs, (isHere) => reply({ ok: isHere ?? null }));
    case 'kill':
      return monitor.kill(message.group, (error) => reply(error ? { error } : { ok: null }));
    case 'fence':
      return monitor.fence(message.order, (ok) => reply({ ok }));
    case 'ping-addresses':
      return monitor.ping(message.addresses, (ok) => reply({ ok }));
    case 'check-fence':
      return monitor.checkFence(message.device, (trouble) => reply({ ok: trouble ?? null }));
    case 'drill':
      return monitor.drill(message.order, (records) =>
        reply(records instanceof EterneError ? { error: records } : { ok: records }),
      );
    case 'watch':
      return monitor.watch(message.order, () => reply({ ok: null }));
    case 'reports':
      return reply({ ok: monitor.reports });
    case 'ping':
      return reply({ ok: null });
  }
}
