import type { FakeCluster } from './fake-cluster.ts';

/** Lets virtual time pass until the promise is settled. */
export async function settle<T>(cluster: FakeCluster, promise: Promise<T>): Promise<T> {
  const progress = { done: false };
  const settled = promise.finally(() => (progress.done = true));
  settled.catch(() => {});
  for (let turn = 0; turn < 10_000 && !progress.done; turn += 1) {
    cluster.time.run(5);
    await Promise.resolve();
  }
  return settled;
}
