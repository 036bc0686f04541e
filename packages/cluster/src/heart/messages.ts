/**
 * What heart, service and monitor of one node tell each other over the heart's unix socket. All are notes:
 *
 *   to the heart     subscribe  topics it wants            from the heart   liveness   (liveness)
 *                    setup      who beats to whom, and where                request    (requests)
 *                    grant      a leader's answer                           leases     (leases)
 *                    register   what the monitor has started
 *                    recall     leases the monitor still knows           watchdog   (watchdog)
 *                    want-watchdog  what the configuration says
 */
import type { LeaseGrant, LeaseRequest, PathStatus, WatchdogReport } from '../ports.ts';
import type { WatchdogSpec } from '../state/model.ts';
import type { DropCounts } from './drops.ts';
import type { Registration } from './guard.ts';
import type { Lease } from './lease-client.ts';
import type { HeartSetup } from './setup.ts';

export type HeartTopic = 'liveness' | 'requests' | 'leases' | 'watchdog';

export type ToHeart =
  | { readonly note: 'subscribe'; readonly topics: readonly HeartTopic[] }
  | { readonly note: 'setup'; readonly setup: HeartSetup }
  | { readonly note: 'grant'; readonly grant: LeaseGrant }
  | { readonly note: 'register'; readonly registrations: readonly Registration[] }
  | { readonly note: 'want-watchdog'; readonly spec: WatchdogSpec | null }
  | { readonly note: 'recall'; readonly leases: readonly (readonly [string, Lease])[] };

export type FromHeart =
  | { readonly note: 'watchdog'; readonly report: WatchdogReport }
  | {
      readonly note: 'liveness';
      readonly alive: readonly string[];
      readonly paths: readonly PathStatus[];
      readonly dropped: DropCounts;
    }
  | { readonly note: 'request'; readonly request: LeaseRequest }
  | { readonly note: 'leases'; readonly leases: readonly (readonly [string, Lease])[] };
