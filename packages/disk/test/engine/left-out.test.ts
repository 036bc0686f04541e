/** A replica that the configuration leaves out for a while. */
import { test } from 'node:test';
import { Pair } from './support/pair.ts';

test('what is written while a replica is left out of the configuration is copied when it is back', () => {
  const pair = new Pair().startMirror();
  const { a, b } = pair;
  pair.write(a, 1, 1);
  pair.demote(a);
  for (const node of [a, b]) node.kill();
  a.strangers.add('b');
  a.start();
  pair.promote(a, { force: true });
  pair.write(a, 2, 2);
  pair.demote(a);
  a.kill();
  a.strangers.clear();
  for (const node of [a, b]) node.start();
  pair.until(() => pair.isConnected());
  pair.promote(a, { force: true });
  pair.until(() => pair.isEqual());
  pair.assertIdentical();
});
