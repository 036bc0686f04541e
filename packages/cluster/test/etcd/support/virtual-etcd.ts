/**
 * etcd in virtual time: one store in which transactions happen one after the other, each at some moment between being sent and answered. What members see of
 * faults: requests and answers get lost or late, servers have no majority for a while, hints never come.
 */
import { EterneError } from '@eterne/base';
import type {
  Compare,
  EtcdStore,
  KeyValue,
  Operation,
  Txn,
  TxnAnswer,
} from '../../../src/etcd/store/port.ts';
import type { Seeded } from '../../raft/support/seeded.ts';
import type { Life, VirtualTime } from '../../raft/support/virtual-time.ts';

export class VirtualEtcd {
  readonly #time: VirtualTime;
  readonly #random: Seeded;
  readonly #keys = new Map<string, KeyValue>();
  #revision = 1;
  latencyMs = 2;
  lossProbability = 0;
  /** No majority of its servers: nothing happens, and what was sent may happen when it is back. */
  isFrozen = false;
  /** Members that do not reach it. */
  readonly cut = new Set<string>();
  readonly #waiting: (() => void)[] = [];

  constructor(time: VirtualTime, random: Seeded) {
    this.#time = time;
    this.#random = random;
  }

  get size(): number {
    return this.#keys.size;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const happen of this.#waiting.splice(0)) happen();
  }

  port(member: string, life: Life): EtcdStore {
    return {
      txn: (txn, timeoutMs, done) => this.#txn(member, life, txn, timeoutMs, done),
      watch: () => () => {},
      compact: (_revision, done) => void this.#time.inLife(life, this.#time.nowMs, () => done(undefined)),
      close: () => {},
    };
  }

  #txn(
    member: string,
    life: Life,
    txn: Txn,
    timeoutMs: number,
    done: (result: TxnAnswer | EterneError) => void,
  ): void {
    let isAnswered = false;
    const answer = (result: TxnAnswer | EterneError): void => {
      if (!isAnswered) done(result);
      isAnswered = true;
    };
    this.#time.inLife(life, this.#time.nowMs + timeoutMs, () =>
      answer(new EterneError('timeout', 'etcd does not answer')),
    );
    if (this.#isLost(member)) return;
    const happen = (): void => {
      const result = this.#happen(txn);
      if (!this.#isLost(member))
        this.#time.inLife(life, this.#time.nowMs + this.#delayMs(), () => answer(result));
    };
    // It happens even if the member dies meanwhile.
    this.#time.at(this.#time.nowMs + this.#delayMs(), () => {
      if (this.isFrozen) this.#waiting.push(happen);
      else happen();
    });
  }

  #isLost(member: string): boolean {
    return this.cut.has(member) || this.#random.chance(this.lossProbability);
  }

  /** Now and then one is very late. */
  #delayMs(): number {
    const delayMs = this.latencyMs * (0.5 + this.#random.fraction());
    return this.#random.chance(0.01) ? delayMs + this.#random.below(3000) : delayMs;
  }

  #happen({ compare, success, failure }: Txn): TxnAnswer {
    const succeeded = compare.every((each) => this.#holds(each));
    const operations = succeeded ? success : failure;
    if (operations.some(({ kind }) => kind !== 'range')) this.#revision += 1;
    const ranges = operations.flatMap((operation) => this.#perform(operation));
    return { succeeded, revision: this.#revision, ranges };
  }

  #holds({ key, is }: Compare): boolean {
    const known = this.#keys.get(key);
    switch (is.kind) {
      case 'absent':
        return known === undefined;
      case 'value':
        return known?.value.equals(is.value) === true;
      case 'revision':
        return known?.revision === is.revision;
    }
  }

  #perform(operation: Operation): (readonly KeyValue[])[] {
    const { key } = operation;
    switch (operation.kind) {
      case 'put':
        this.#keys.set(key, { key, value: Buffer.from(operation.value), revision: this.#revision });
        return [];
      case 'delete':
        for (const each of this.#keys.keys())
          if (each >= key && each < operation.end) this.#keys.delete(each);
        return [];
      case 'range': {
        const { end, limit } = operation;
        const within = [...this.#keys.values()].filter((each) =>
          end === undefined ? each.key === key : each.key >= key && each.key < end,
        );
        return [within.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit)];
      }
    }
  }
}
