/**
 * A fail-over drill (FEATURES B5): a real switch-over while records are written on the group's file system, and what it cost.
 *
 * 1. The owner begins to write records, as fast as the disks confirm them.
 * 2. The group is moved; the old owner tells how many were confirmed, the new one how many it finds.
 * 3. The outage runs from the first moment that the group is not online to the one in which it is online elsewhere.
 */
import { EterneError } from '@eterne/base';
import type { Timers } from '@eterne/runtime';
import type { Command } from '../state/commands.ts';
import type { GroupState } from '../state/model.ts';
import { mountPointOf } from '../state/references.ts';
import type { DrillResult, Requester } from './facade.ts';
import type { Service } from './service.ts';

/** How long records are written before the move. */
const WRITE_MS = 1000;
const TIMEOUT_MS = 110_000;
/** How long the figures may take once the group is online again. */
const COUNT_TIMEOUT_MS = 5000;
const LOOK_MS = 5;

export type Draft<T = Command> = T extends Command ? Omit<T, 'atMs' | 'by'> : never;

export class DrillRun {
  readonly #service: Service;
  readonly #timers: Timers;
  readonly #append: (draft: Draft) => Promise<void>;

  constructor(service: Service, timers: Timers, append: (draft: Draft) => Promise<void>) {
    this.#service = service;
    this.#timers = timers;
    this.#append = append;
  }

  async run(group: GroupState, to: string, by: Requester): Promise<DrillResult> {
    const { name, resources } = group.spec;
    const from = group.owner;
    if (from === null || group.phase !== 'online')
      throw new EterneError('refused', `group ${name} is not online; a drill needs a running group`);
    const directory = resources.map(mountPointOf).find((found) => found !== undefined);
    const drill = `${this.#service.state.clusterId}/${this.#service.state.eventId}`.slice(-40);
    try {
      if (directory !== undefined) {
        await this.#append({ kind: 'drill-begin', group: name, drill, directory });
        await this.#pass(WRITE_MS);
      }
      const reason = `drill by ${by}`;
      await this.#append({ kind: 'group-move', group: name, to, reason, displaces: false });
      const outageMs = await this.#switchOver(name, group.epoch);
      const writes = directory === undefined ? null : await this.#figures(name, drill);
      return this.#result({ group: name, from, to: this.#group(name)?.owner ?? to, outageMs, writes });
    } finally {
      if (directory !== undefined) await this.#append({ kind: 'drill-end', group: name, drill });
    }
  }

  #group(name: string): GroupState | undefined {
    return this.#service.state.groups[name];
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(ms, resolve));
  }

  /** Milliseconds that it was not online. */
  #switchOver(name: string, epochBefore: number): Promise<number> {
    let endedMs: number | undefined;
    return this.#await(TIMEOUT_MS, (nowMs) => {
      const group = this.#group(name);
      if (!group) throw new EterneError('not-found', `group ${name} is gone`);
      if (group.phase !== 'online') endedMs ??= nowMs;
      const isBack = group.epoch > epochBefore && group.phase === 'online';
      return isBack ? Math.round(nowMs - (endedMs ?? nowMs)) : undefined;
    }).catch((error: unknown) => {
      if (!(error instanceof EterneError) || error.code !== 'timeout') throw error;
      throw new EterneError(
        'timeout',
        `group ${name} did not come online: ${this.#group(name)?.reason ?? 'it is gone'}`,
      );
    });
  }

  async #figures(name: string, drill: string): Promise<DrillResult['writes']> {
    try {
      return await this.#await(COUNT_TIMEOUT_MS, () => {
        const now = this.#group(name)?.drill;
        if (now?.id !== drill || now.acknowledged === null || now.found === null) return undefined;
        return { acknowledged: now.acknowledged, lost: Math.max(0, now.acknowledged - now.found) };
      });
    } catch (error) {
      if (error instanceof EterneError && error.code === 'timeout') return null;
      throw error;
    }
  }

  #await<T>(timeoutMs: number, look: (nowMs: number) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const sinceMs = this.#nowMs();
      const timer = this.#timers.every(LOOK_MS, () => {
        try {
          const found = look(this.#nowMs());
          if (found === undefined && this.#nowMs() - sinceMs < timeoutMs) return;
          timer.cancel();
          if (found === undefined) reject(new EterneError('timeout', `not within ${timeoutMs} ms`));
          else resolve(found);
        } catch (error) {
          timer.cancel();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  }

  #nowMs(): number {
    this.#service.refresh();
    return this.#service.view.now.bootMs;
  }

  #result(result: Omit<DrillResult, 'sentence'>): DrillResult {
    const { group, from, to, outageMs, writes } = result;
    const counted =
      writes === null
        ? 'writes could not be counted: the group has no file system, or one of its owners did not answer'
        : `of ${writes.acknowledged} records on stable storage before it, ${writes.lost} were lost`;
    return { ...result, sentence: `${group} moved from ${from} to ${to} in ${outageMs} ms; ${counted}.` };
  }
}
