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
