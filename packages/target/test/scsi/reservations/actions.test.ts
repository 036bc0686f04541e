import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { EterneError } from '@eterne/base';
import { applyAction, type ReservationAction } from '@eterne/target/scsi/reservations/actions.ts';
import { decodeReservations, encodeReservations } from '@eterne/target/scsi/reservations/codec.ts';
import {
  NO_RESERVATIONS,
  conflicts,
  isAllRegistrants,
  isHolder,
  type ReservationState,
} from '@eterne/target/scsi/reservations/state.ts';

const KINDS = [
  'register',
  'register-and-ignore',
  'reserve',
  'release',
  'clear',
  'preempt',
  'preempt-and-abort',
] as const;
const TYPES = [1, 3, 5, 6, 7, 8];
const plain = { key: 0n, newKey: 0n, type: 1, aptpl: false };

function run(
  state: ReservationState,
  action: Partial<ReservationAction> & Pick<ReservationAction, 'kind' | 'port'>,
): ReservationState {
  const outcome = applyAction(state, { ...plain, ...action });
  assert.equal(outcome.kind, 'done', `${action.kind} by ${action.port}`);
  return outcome.kind === 'done' ? outcome.state : state;
}

const registered = (...ports: string[]): ReservationState =>
  ports.reduce(
    (state, port, index) => run(state, { kind: 'register', port, newKey: BigInt(index + 1) }),
    NO_RESERVATIONS,
  );

describe('persistent reservations', () => {
  it('refuses whoever is not registered or gives a wrong key', () => {
    const state = registered('a');
    for (const kind of ['reserve', 'release', 'clear', 'preempt', 'preempt-and-abort'] as const) {
      assert.equal(applyAction(state, { ...plain, kind, port: 'b', key: 1n }).kind, 'conflict');
      assert.equal(applyAction(state, { ...plain, kind, port: 'a', key: 9n }).kind, 'conflict');
    }
    assert.equal(
      applyAction(state, { ...plain, kind: 'register', port: 'b', key: 1n, newKey: 2n }).kind,
      'conflict',
    );
  });

  it('lets in whom each type lets in', () => {
    for (const type of TYPES) {
      const state = run(registered('a', 'b'), { kind: 'reserve', port: 'a', key: 1n, type });
      const exclusiveAccess = type === 3 || type === 6 || type === 8;
      assert.equal(conflicts(state, 'a', 'changes'), false);
      assert.equal(conflicts(state, 'b', 'changes'), type === 1 || type === 3);
      assert.equal(conflicts(state, 'c', 'changes'), true);
      assert.equal(conflicts(state, 'c', 'reads'), exclusiveAccess);
      assert.equal(conflicts(state, 'c', 'allowed'), false);
    }
  });

  it('takes a reservation over by preempting its holder and tells and aborts the holder', () => {
    const held = run(registered('a', 'b'), { kind: 'reserve', port: 'a', key: 1n, type: 3 });
    const outcome = applyAction(held, {
      ...plain,
      kind: 'preempt-and-abort',
      port: 'b',
      key: 2n,
      newKey: 1n,
      type: 5,
    });
    assert.ok(outcome.kind === 'done');
    assert.deepEqual(outcome.state.reservation, { port: 'b', type: 5 });
    assert.deepEqual(outcome.state.registrations, [{ port: 'b', key: 2n }]);
    assert.deepEqual(outcome.abort, ['a']);
    assert.deepEqual(
      outcome.notices.map(({ port }) => port),
      ['a'],
    );
  });

  it('keeps its invariants through any history', () => {
    const port = fc.constantFrom('a', 'b', 'c');
    const key = fc.bigInt({ min: 0n, max: 3n });
    const action = fc.record({
      kind: fc.constantFrom(...KINDS),
      port,
      key,
      newKey: key,
      type: fc.constantFrom(...TYPES, 0, 2),
      aptpl: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (history) => {
        let state = NO_RESERVATIONS;
        for (const step of history) {
          const outcome = applyAction(state, step);
          if (outcome.kind !== 'done') continue;
          state = outcome.state;
          const ports = state.registrations.map((registration) => registration.port);
          assert.equal(new Set(ports).size, ports.length);
          assert.ok(state.registrations.every((registration) => registration.key !== 0n));
          if (state.reservation === undefined) continue;
          // Nobody is shut out by a reservation that nobody holds.
          assert.ok(ports.some((name) => isHolder(state, name)));
          if (!isAllRegistrants(state.reservation.type)) assert.ok(ports.includes(state.reservation.port));
          const read = decodeReservations(encodeReservations(state), 'test');
          assert.deepEqual(read, { ...state, generation: 0 });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never takes a damaged file for reservations', () => {
    const bytes = encodeReservations(run(registered('a'), { kind: 'reserve', port: 'a', key: 1n }));
    fc.assert(
      fc.property(fc.nat(bytes.length - 2), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(bytes);
        damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at);
        assert.ok(decodeReservations(damaged, 'test') instanceof EterneError);
      }),
    );
    for (const wrong of ['', 'null\n0\n', '\n00000000\n', '{}'])
      assert.ok(decodeReservations(Buffer.from(wrong), 'test') instanceof EterneError);
  });
});
