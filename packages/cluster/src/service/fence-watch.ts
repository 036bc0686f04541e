/**
 * Does every fence device of the other nodes answer this one? A device that fails when it is needed is worse than none, so each is asked now
 * and then (agents' `monitor`), one after the other, and whatever is wrong is shown as a warning.
 */
import { isDeepStrictEqual } from 'node:util';
import type { FenceDevice } from '../state/model.ts';
import type { Completion, EffectId, Outbox } from './effects.ts';
import type { View } from './view.ts';

const CHECK_INTERVAL_MS = 300_000;

export class FenceWatch {
  readonly #troubles = new Map<string, string>();
  #devices: readonly FenceDevice[] = [];
  #next = 0;
  #roundBootMs = Number.NEGATIVE_INFINITY;
  #asked: { readonly id: EffectId; readonly device: FenceDevice } | undefined;

  /** Sentences. */
  get troubles(): Iterable<string> {
    return this.#troubles.values();
  }

  step(view: View, outbox: Outbox): void {
    if (view.state.members[view.self]?.role !== 'node') return;
    this.#follow(view);
    if (this.#asked) return;
    if (this.#next >= this.#devices.length && view.now.bootMs - this.#roundBootMs >= CHECK_INTERVAL_MS)
      this.#next = 0;
    const device = this.#devices[this.#next];
    if (device === undefined) return;
    if (this.#next === 0) this.#roundBootMs = view.now.bootMs;
    this.#next += 1;
    this.#asked = { id: outbox.send({ kind: 'monitor-check-fence', device }), device };
  }

  done(id: EffectId, completion: Completion): void {
    if (this.#asked?.id !== id || completion.of !== 'fence-check') return;
    const { device } = this.#asked;
    this.#asked = undefined;
    if (!this.#devices.includes(device)) return;
    const name = keyOf(device);
    if (completion.trouble === undefined) this.#troubles.delete(name);
    else
      this.#troubles.set(
        name,
        `The fence device of ${device.node} cannot be used from here: ${completion.trouble}.`,
      );
  }

  /** Other devices than before are asked at once. */
  #follow({ self, state }: View): void {
    const devices = state.config.fencing.filter(({ node }) => node !== self);
    if (isDeepStrictEqual(devices, this.#devices)) return;
    this.#devices = devices;
    this.#next = 0;
    this.#troubles.clear();
  }
}

function keyOf({ node, agent, level }: FenceDevice): string {
  return `${node} ${level} ${agent}`;
}
