/**
 * Paths into entries and the state, as `levels.ts` names what is new: `group-put.spec.watch`. `*` is every item of a list or record,
 * `*=KIND` every item that is of that kind, or an order with that verb. A path that leads nowhere means nothing.
 */
export type Path = readonly string[];

/** The object that holds the field a path ends in. */
export type Holder = Readonly<Record<string, unknown>>;

export function parsePath(text: string): Path {
  return text.split('.');
}

/** Every object in `value` that the last field of `path` may be in. */
export function holdersOf(value: unknown, path: Path): readonly Holder[] {
  const [next = '', ...rest] = path;
  if (typeof value !== 'object' || value === null) return [];
  if (rest.length === 0) return Array.isArray(value) ? [] : [value as Holder];
  return Object.entries(value)
    .filter(([key, item]) => leads(next, key, item))
    .flatMap(([, item]) => holdersOf(item, rest));
}

/** A copy of `value` with each such object changed. */
export function withHolders(value: unknown, path: Path, change: (holder: Holder) => Holder): unknown {
  const [next = '', ...rest] = path;
  if (typeof value !== 'object' || value === null) return value;
  if (rest.length === 0) return Array.isArray(value) ? value : change(value as Holder);
  const into = (key: string, item: unknown): unknown =>
    leads(next, key, item) ? withHolders(item, rest, change) : item;
  if (Array.isArray(value)) return value.map((item, index) => into(String(index), item));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, into(key, item)]));
}

function leads(step: string, key: string, item: unknown): boolean {
  if (step === '*') return true;
  if (!step.startsWith('*=')) return step === key;
  if (typeof item !== 'object' || item === null) return false;
  const kind = step.slice(2);
  return ('kind' in item && item.kind === kind) || ('verb' in item && item.verb === kind);
}
