/** Where an item stands in a chain, and what it leaves by. */
export interface Place<Item> {
  readonly item: Item;
  /** Undefined once it has left. */
  chain: Chain<Item> | undefined;
  before: Place<Item> | undefined;
  after: Place<Item> | undefined;
}

/**
 * What is under way, in order of arrival: a doubly linked list. A `Set` would do the same, but what lives as short as a request makes it call into the runtime
 * every time: each object needs a hash first, and the table grows and shrinks.
 */
export class Chain<Item> {
  #first: Place<Item> | undefined;
  #last: Place<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: Item): Place<Item> {
    const before = this.#last;
    const place: Place<Item> = { item, chain: this, before, after: undefined };
    if (before === undefined) this.#first = place;
    else before.after = place;
    this.#last = place;
    this.#size += 1;
    return place;
  }

  has(place: Place<Item> | undefined): boolean {
    return place?.chain === this;
  }

  /** False: it is in another chain, or in none. */
  delete(place: Place<Item> | undefined): boolean {
    if (place?.chain !== this) return false;
    const { after, before } = place;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    place.chain = undefined;
    this.#size -= 1;
    return true;
  }

  /** As of a `Set`: also what is added meanwhile, and nothing that leaves before its turn. */
  *[Symbol.iterator](): Generator<Item> {
    for (let place = this.#first; place !== undefined; place = this.#next(place)) yield place.item;
  }

  /** Where `from` has left meanwhile, what stood before it tells what comes next. */
  #next(from: Place<Item>): Place<Item> | undefined {
    let place: Place<Item> | undefined = from;
    while (place !== undefined && place.chain !== this) place = place.before;
    return place === undefined ? this.#first : place.after;
  }
}
