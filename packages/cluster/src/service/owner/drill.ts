/**
 * The owner's part in a drill: has records written while the group runs, ends that before the file system is given away and tells how many
 * there are; the next owner counts them.
 *
 *   new ──runs, old owner──► writing ──before the stop──► asking ─► asked ─► telling ─► told
 *    └───runs, new owner─────────────────────────────────► asking …
 */
import { EterneError } from '@eterne/base';
import type { DrillOrder } from '../../ports.ts';
import type { Drill, GroupState } from '../../state/model.ts';
import type { Completion, EffectId, Outbox } from '../effects.ts';
import type { View } from '../view.ts';

type Figure = { readonly acknowledged: number } | { readonly found: number };

type Phase =
  | { readonly kind: 'new' | 'writing' | 'told' }
  | { readonly kind: 'asking'; readonly id: EffectId; readonly verb: DrillOrder['verb'] }
  | { readonly kind: 'asked'; readonly figure: Figure }
  | { readonly kind: 'telling'; readonly id: EffectId; readonly figure: Figure };

export class DrillDuty {
  #drill: Drill | undefined;
  #phase: Phase = { kind: 'new' };

  /** `running`: everything of the group runs and is to go on running. */
  step(view: View, outbox: Outbox, group: GroupState, running: boolean): void {
    const drill = group.drill ?? undefined;
    if (drill?.id !== this.#drill?.id) this.#leaveOff(outbox, group);
    this.#drill = drill;
    if (!drill) return;
    if (this.#phase.kind === 'asked') this.#tell(view, outbox, group, drill, this.#phase.figure);
    if (this.#phase.kind !== 'new' || !running) return;
    if (drill.acknowledged === null) {
      this.#ask(outbox, group, drill, 'write');
      this.#phase = { kind: 'writing' };
    } else if (drill.found === null) this.#await(outbox, group, drill, 'count');
  }

  /** True while what is mounted on `directory` is not to be stopped yet. */
  holds(outbox: Outbox, group: GroupState | undefined, directory: unknown): boolean {
    const drill = this.#drill;
    if (!group || !drill || drill.directory !== directory) return false;
    if (this.#phase.kind === 'writing') this.#await(outbox, group, drill, 'end');
    return this.#phase.kind === 'asking' || this.#phase.kind === 'asked' || this.#phase.kind === 'telling';
  }

  done(id: EffectId, completion: Completion): void {
    const phase = this.#phase;
    if (phase.kind === 'asking' && phase.id === id && completion.of === 'count')
      this.#phase = answered(phase.verb, completion.records);
    // Told again when it may not be in the log: the same figure changes nothing.
    if (phase.kind === 'telling' && phase.id === id && completion.of === 'append')
      this.#phase =
        completion.result.kind === 'applied' ? { kind: 'told' } : { kind: 'asked', figure: phase.figure };
  }

  /** A drill that was given up before it came to the stop. */
  #leaveOff(outbox: Outbox, group: GroupState): void {
    if (this.#drill && this.#phase.kind === 'writing') this.#ask(outbox, group, this.#drill, 'end');
    this.#phase = { kind: 'new' };
  }

  #await(outbox: Outbox, group: GroupState, drill: Drill, verb: DrillOrder['verb']): void {
    this.#phase = { kind: 'asking', id: this.#ask(outbox, group, drill, verb), verb };
  }

  #ask(outbox: Outbox, group: GroupState, drill: Drill, verb: DrillOrder['verb']): EffectId {
    const order = { verb, group: group.spec.name, drill: drill.id, directory: drill.directory };
    return outbox.send({ kind: 'monitor-drill', order });
  }

  #tell(view: View, outbox: Outbox, group: GroupState, drill: Drill, figure: Figure): void {
    const id = outbox.send({
      kind: 'append',
      command: {
        kind: 'drill-report',
        group: group.spec.name,
        node: view.self,
        epoch: group.epoch,
        drill: drill.id,
        ...figure,
        atMs: view.now.wallMs,
      },
    });
    this.#phase = { kind: 'telling', id, figure };
  }
}

/** Without an answer the drill goes on and has no figure. */
function answered(verb: DrillOrder['verb'], records: number | EterneError): Phase {
  if (records instanceof EterneError) return { kind: 'told' };
  return { kind: 'asked', figure: verb === 'end' ? { acknowledged: records } : { found: records } };
}
