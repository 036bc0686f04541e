import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EterneError } from '@eterne/base';
import type { Address, Timers } from '@eterne/runtime';
import { MovingApi } from '../../src/cluster/moving-api.ts';

/** What is served, in order; `absent` cannot be. */
class Bed {
  readonly seen: string[] = [];
  readonly absent = new Set<Address>();
  readonly logged: string[] = [];
  readonly #due: (() => void)[] = [];
  readonly world = {
    timers: {
      after: (_ms: number, fire: () => void) => (this.#due.push(fire), { cancel: () => {} }),
    } as unknown as Timers,
    log: (_level: string, message: string) => void this.logged.push(message),
  };
  readonly serve = (at: Address) => {
    if (this.absent.has(at)) return Promise.reject(new EterneError('io', `${at} is not here`));
    this.seen.push(`at ${at}`);
    return Promise.resolve({
      address: at,
      close: () => Promise.resolve(void this.seen.push(`no more ${at}`)),
    });
  };

  async turn(): Promise<void> {
    for (const fire of this.#due.splice(0)) fire();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('the API is served at its new place before it leaves the old one', async () => {
  const bed = new Bed();
  const api = await MovingApi.start(bed.world, 'a:1', bed.serve);
  api.move('a:1');
  api.move('b:1');
  await bed.turn();
  assert.deepEqual(bed.seen, ['at a:1', 'at b:1', 'no more a:1']);
});

test('a place that is not there yet is tried again, the old one stays, and the newest wish counts', async () => {
  const bed = new Bed();
  bed.absent.add('b:1');
  const api = await MovingApi.start(bed.world, 'a:1', bed.serve);
  api.move('b:1');
  for (let turn = 0; turn < 3; turn += 1) await bed.turn();
  assert.deepEqual(bed.seen, ['at a:1']);
  assert.equal(bed.logged.filter((line) => line === 'b:1 is not here').length, 1, 'told once');
  api.move('c:1');
  await bed.turn();
  await bed.turn();
  assert.deepEqual(bed.seen, ['at a:1', 'at c:1', 'no more a:1']);
});

test('the first place has to be there', async () => {
  const bed = new Bed();
  bed.absent.add('a:1');
  await assert.rejects(MovingApi.start(bed.world, 'a:1', bed.serve), EterneError);
});
