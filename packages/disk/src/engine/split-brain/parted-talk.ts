/** What the two sides of a split brain say to each other while nobody has settled it: what each changed, when asked. */
import type { Timers } from '@eterne/runtime';
import type { FrameSender } from '../../protocol/frame-sender.ts';
import { decodeSplitReport, encodeSplitReport } from '../../protocol/messages/split-report.ts';
import { FrameType } from '../../protocol/wire.ts';
import type { SideReport } from './report.ts';

/** The tools may take long; longer than they are given the peer is not waited for. */
const ANSWER_TIMEOUT_MS = 150_000;

type Asked = (answer: SideReport | string) => void;

export class PartedTalk {
  readonly #sender: FrameSender;
  readonly #timers: Timers;
  readonly #ownChanges: (done: (report: SideReport) => void) => void;
  #asked: Asked[] = [];
  #isAnswering = false;
  #closed = false;

  constructor(sender: FrameSender, timers: Timers, ownChanges: (done: (report: SideReport) => void) => void) {
    this.#sender = sender;
    this.#timers = timers;
    this.#ownChanges = ownChanges;
  }

  /** `done` with the peer's report, or with why there is none. */
  ask(done: Asked): void {
    if (this.#closed) return done('the connection is gone');
    if (this.#asked.length === 0) this.#sender.send(FrameType.splitAsk, Buffer.alloc(0));
    this.#asked.push(done);
    this.#timers.after(ANSWER_TIMEOUT_MS, () => this.#settle('the peer did not answer in time', [done]));
  }

  /** SPLIT_ASK. Asked again while the answer is being made, one answer will do. */
  asked(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    this.#ownChanges((report) => {
      this.#isAnswering = false;
      if (!this.#closed) this.#sender.send(FrameType.splitReport, encodeSplitReport(report));
    });
  }

  /** SPLIT_REPORT. */
  reported(body: Buffer): void {
    this.#settle(decodeSplitReport(body), this.#asked);
  }

  close(): void {
    this.#closed = true;
    this.#settle('the connection is gone', this.#asked);
  }

  #settle(answer: SideReport | string, who: readonly Asked[]): void {
    const told = this.#asked.filter((done) => who.includes(done));
    this.#asked = this.#asked.filter((done) => !told.includes(done));
    for (const done of told) done(answer);
  }
}
