/** `begin` for each of `items`; `done` once each has called `ended`, which it does once, perhaps at once. With none, before this returns. */
export function whenAll<Item>(
  items: Iterable<Item>,
  begin: (item: Item, ended: () => void) => void,
  done: () => void,
): void {
  let left = 1;
  const ended = (): void => {
    left -= 1;
    if (left === 0) done();
  };
  for (const item of items) {
    left += 1;
    begin(item, ended);
  }
  ended();
}
