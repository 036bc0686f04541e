import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent, CheckResult, Hands, Job } from '../../../src/monitor/agents/agent.ts';
import { Fields } from '../../../src/node/fields.ts';
import type { ActionResult } from '../../../src/ports.ts';

const TIMEOUT_MS = 20_000;

/** One resource in an agent's hands, as the monitor would have it. */
export class Subject<Params> {
  readonly #hands: Hands;
  readonly #agent: Agent<Params>;
  #job: Job<Params>;
  readonly #timeoutMs: number;

  /** `parts`: of a mirror. */
  constructor(
    hands: Hands,
    agent: Agent<Params>,
    params: Record<string, unknown>,
    timeoutMs = TIMEOUT_MS,
    parts?: readonly string[],
  ) {
    this.#hands = hands;
    this.#agent = agent;
    this.#timeoutMs = timeoutMs;
    this.#job = {
      spec: {
        group: 'g',
        name: agent.type,
        type: agent.type,
        params,
        ...(parts === undefined ? {} : { parts }),
      },
      params: agent.parse(new Fields('test', params)),
      mark: `ETERNE_RESOURCE=test-${process.pid}`,
      processes: [],
      keep: (processes, done) => {
        this.#job = { ...this.#job, processes };
        done();
      },
    };
  }

  get processes(): Job<Params>['processes'] {
    return this.#job.processes;
  }

  start(): Promise<ActionResult> {
    return new Promise((resolve) => this.#agent.start(this.#hands, this.#job, this.#timeoutMs, resolve));
  }

  stop(): Promise<ActionResult> {
    return new Promise((resolve) => this.#agent.stop(this.#hands, this.#job, this.#timeoutMs, resolve));
  }

  /** As after a lapsed lease: kill, then take away what is left. */
  async abandon(): Promise<string> {
    const { processTrees } = this.#hands.world;
    while (processTrees.killMarked(this.#job.mark) > 0) await sleep(10);
    return new Promise((resolve) => this.#agent.abandon(this.#hands, this.#job, resolve));
  }

  find(): Promise<boolean | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#agent.find) this.#agent.find(this.#hands, this.#job, TIMEOUT_MS, resolve);
      else reject(new Error(`nothing of type ${this.#agent.type} can be found`));
    });
  }

  check(): Promise<CheckResult> {
    const check = { name: 'quick', intervalMs: 0, timeoutMs: TIMEOUT_MS } as const;
    return new Promise((resolve) => this.#agent.check(this.#hands, this.#job, check, resolve));
  }
}

export async function well(result: Promise<ActionResult>): Promise<ActionResult> {
  const settled = await result;
  assert.equal(settled.ok, true, settled.reason);
  return settled;
}
