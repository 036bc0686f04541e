import type { ClusterState } from '../state/model.ts';

/**
 * The times of a log in etcd. They are longer than those of the embedded one: etcd elects a leader of its own within one to two seconds after losing
 * one, and until then nothing can be renewed; that must not cost a running group more than a pause.
 */
export interface EtcdTiming {
  /** The leader renews this often. */
  readonly beatMs: number;
  /** Who has not seen the leader renew for so long may take over. */
  readonly takeOverMs: number;
  /** What two boot clocks may drift apart within `takeOverMs`. */
  readonly driftMarginMs: number;
  /** Everybody looks for news this often, also without a hint. */
  readonly pollMs: number;
  /** A request without an answer is given up; another server is asked. */
  readonly requestMs: number;
  /** Between attempts. */
  readonly retryMs: number;
  /** An unanswered command or read is given up. */
  readonly giveUpMs: number;
}

export const ETCD_LAN_TIMING: EtcdTiming = {
  beatMs: 500,
  takeOverMs: 3500,
  driftMarginMs: 350,
  pollMs: 250,
  requestMs: 800,
  retryMs: 100,
  giveUpMs: 5000,
};

const ETCD_WAN_TIMING: EtcdTiming = {
  beatMs: 2000,
  takeOverMs: 12_000,
  driftMarginMs: 1200,
  pollMs: 1000,
  requestMs: 3000,
  retryMs: 500,
  giveUpMs: 50_000,
};

export function etcdTimingOf({ config }: Pick<ClusterState, 'config'>): EtcdTiming {
  return config.profile === 'wan' ? ETCD_WAN_TIMING : ETCD_LAN_TIMING;
}
