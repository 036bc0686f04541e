/**
 * The newest lease request of every node, also while nobody here may answer it: who becomes leader answers at once what the hearts asked
 * during the election, instead of waiting for them to ask again.
 */
import type { LeaseRequest } from '../../ports.ts';

export interface HeardRequest {
  readonly request: LeaseRequest;
  /** This node's boot clock; after the request was sent, in true time. */
  readonly receivedBootMs: number;
}

export class LeaseRequests {
  /** At most one per member: the heart hears nobody else. */
  readonly #newest = new Map<string, HeardRequest>();

  /** Undefined for a copy, or one that is overtaken. */
  take(request: LeaseRequest, nowBootMs: number): HeardRequest | undefined {
    const known = this.#newest.get(request.node)?.request;
    if (known?.bootId === request.bootId && known.sequence >= request.sequence) return undefined;
    const heard = { request, receivedBootMs: nowBootMs };
    this.#newest.set(request.node, heard);
    return heard;
  }

  get newest(): Iterable<HeardRequest> {
    return this.#newest.values();
  }
}
