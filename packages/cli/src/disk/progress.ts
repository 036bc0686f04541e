/** How far a copy or a verify is, for people. */
import { formatSize } from '@eterne/base';
import type { PeerStatus } from '@eterne/disk/engine/api.ts';

const BAR_CELLS = 20;

export interface Progress {
  /** For example `bitmap resync`. */
  readonly what: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly etaMs: number | null;
}

/** What is under way with a peer, if anything. */
export function progressOf({
  replication,
  resync,
  verify,
}: Pick<PeerStatus, 'replication' | 'resync' | 'verify'>): Progress | undefined {
  if (replication === 'SyncSource' || replication === 'SyncTarget') {
    const { etaMs, kind, syncedBytes, toSyncBytes } = resync;
    return { what: `${kind} resync`, doneBytes: syncedBytes, totalBytes: toSyncBytes, etaMs };
  }
  if (verify === null) return undefined;
  const { checkedBytes, etaMs, totalBytes } = verify;
  return { what: 'verify', doneBytes: checkedBytes, totalBytes, etaMs };
}

/** `bitmap resync [#####---------------] 27 %, 27 MiB of 100 MiB, 3 s left` */
export function progressText({ what, doneBytes, totalBytes, etaMs }: Progress): string {
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const cells = Math.floor(share * BAR_CELLS);
  const bar = '#'.repeat(cells) + '-'.repeat(BAR_CELLS - cells);
  const left = etaMs === null ? '' : `, ${Math.ceil(etaMs / 1000)} s left`;
  return `${what} [${bar}] ${Math.floor(share * 100)} %, ${formatSize(doneBytes)} of ${formatSize(totalBytes)}${left}`;
}

/** One line of a terminal, rewritten in place; nothing where there is no terminal. */
export class ProgressLine {
  readonly #terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write' | 'columns'>;

  constructor(terminal: Pick<NodeJS.WriteStream, 'isTTY' | 'write' | 'columns'> = process.stderr) {
    this.#terminal = terminal;
  }

  show(peers: readonly Pick<PeerStatus, 'node' | 'replication' | 'resync' | 'verify'>[]): void {
    const parts = peers.flatMap((peer) => {
      const progress = progressOf(peer);
      return progress === undefined ? [] : [`${peer.node}: ${progressText(progress)}`];
    });
    if (this.#terminal.isTTY) this.#rewrite(parts.join('  ').slice(0, this.#terminal.columns - 1));
  }

  clear(): void {
    if (this.#terminal.isTTY) this.#rewrite('');
  }

  #rewrite(text: string): void {
    this.#terminal.write(`\r\u001B[K${text}`);
  }
}
