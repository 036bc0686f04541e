/**
 * The kernel's own iSCSI initiator, on a target of ours that serves nobody else (`attach/iscsi-bridge.ts`):
 *
 *   export ──NBD──► bridge ──iSCSI──► /dev/sdX
 *
 * A device belongs to one term: its bridge ends with it, and an older one's session is proven gone before the next begins. Needs root and open-iscsi.
 */
import { bridgedDisk, bridgePrefix, endBridges, type BridgeCommand } from '../../attach/iscsi-bridge.ts';
import { Attempt, type AttachWay, type AttachWorld, type Running } from './way.ts';

const RETRY_MS = 50;
const CLEAR_TIMEOUT_MS = 10_000;

export class IscsiWay implements AttachWay {
  readonly #world: AttachWorld;
  readonly #uri: string;
  readonly #prefix: string;
  readonly #bridge: BridgeCommand | undefined;

  /** `bridge` undefined: whoever composed this process brought none. */
  constructor(world: AttachWorld, uri: string, socketPath: string, bridge: BridgeCommand | undefined) {
    this.#world = world;
    this.#uri = uri;
    this.#prefix = bridgePrefix(socketPath);
    this.#bridge = bridge;
  }

  clear(done: (failure: string | undefined) => void): void {
    const deadlineMs = this.#world.clock.bootMs() + CLEAR_TIMEOUT_MS;
    endBridges(this.#world, this.#prefix, deadlineMs, (failure) =>
      done(failure === '' ? undefined : failure),
    );
  }

  begin(attached: (path: string) => void, ended: (reason: string) => void): Running {
    const { files, timers } = this.#world;
    const attempt = new Attempt(this.#world, ended);
    const look = (): void => {
      if (attempt.isOver) return;
      bridgedDisk(files, this.#prefix, (path) => {
        if (attempt.isOver) return;
        if (path !== undefined) attached(path);
        else timers.after(RETRY_MS, look);
      });
    };
    timers.soon(() => {
      if (attempt.isOver) return;
      if (this.#bridge === undefined) return attempt.fail('iSCSI attachments are not supported here');
      attempt.run([...this.#bridge, this.#uri, this.#prefix]);
      look();
    });
    return attempt;
  }
}
