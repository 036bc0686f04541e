/** One after the other, each when the one before has called `next`. */
export function mapInOrder<Item, Result>(
  items: readonly Item[],
  each: (item: Item, next: (result: Result) => void) => void,
  done: (results: readonly Result[]) => void,
  results: readonly Result[] = [],
): void {
  const item = items[results.length];
  if (item === undefined) return done(results);
  each(item, (result) => mapInOrder(items, each, done, [...results, result]));
}
