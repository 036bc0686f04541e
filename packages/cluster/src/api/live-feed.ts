/**
 * One subscriber of the live stream (WHATWG HTML §9.2 server-sent events). Three kinds of message:
 *
 *     event: status   data: the whole ClusterStatus; sent when it differs from the last one sent
 *     event: event    id: its number   data: one ClusterEvent
 *     event: beat     data: {}; when there was nothing else to say for a while
 *
 * A browser that reconnects names the last id it saw and misses no event. A slow reader is never buffered for: while its socket is full nothing is
 * written, and afterwards it gets the newest status and the events since; one that reads nothing between two beats is cut off.
 */
import type { ServiceFacade } from '../service/facade.ts';
import { clusterEvent, clusterStatus } from './schema/status.ts';

const BEAT = 'event: beat\ndata: {}\n\n';

export interface FeedSink {
  /** False: full; the owner calls `drained` when there is room again. */
  write(text: string): boolean;
  close(): void;
}

export class LiveFeed {
  readonly #facade: ServiceFacade;
  readonly #sink: FeedSink;
  #lastEventId: number;
  #lastStatus = '';
  #full = false;
  #fullAtLastBeat = false;

  constructor(facade: ServiceFacade, sink: FeedSink, lastEventId: number) {
    this.#facade = facade;
    this.#sink = sink;
    this.#lastEventId = lastEventId;
  }

  changed(): void {
    if (this.#full) return;
    const text = this.#news();
    if (text !== '') this.#full = !this.#sink.write(text);
  }

  drained(): void {
    this.#full = false;
    this.changed();
  }

  /** On a timer: shows both sides that the connection lives. */
  beat(): void {
    if (this.#full && this.#fullAtLastBeat) return this.#sink.close();
    this.#fullAtLastBeat = this.#full;
    if (!this.#full) this.#full = !this.#sink.write(this.#news() || BEAT);
  }

  #news(): string {
    const events = this.#facade.events(this.#lastEventId);
    this.#lastEventId = events.at(-1)?.id ?? this.#lastEventId;
    const status = JSON.stringify(clusterStatus.parse(this.#facade.status()));
    const statusText = status === this.#lastStatus ? '' : `event: status\ndata: ${status}\n\n`;
    this.#lastStatus = status;
    return (
      statusText +
      events
        .map(
          (event) => `id: ${event.id}\nevent: event\ndata: ${JSON.stringify(clusterEvent.parse(event))}\n\n`,
        )
        .join('')
    );
  }
}
