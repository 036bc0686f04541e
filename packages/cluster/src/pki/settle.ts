import { EterneError } from '@eterne/base';

/** A port's callback as a promise, for code that runs once and in order, such as founding and joining. */
export function settle<T = void>(start: (done: (result: T | EterneError) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((result) => {
      if (result instanceof EterneError) reject(result);
      else resolve(result);
    });
  });
}
