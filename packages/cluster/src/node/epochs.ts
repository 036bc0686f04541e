/** Terms of different epochs must not be taken for each other: the epoch comes first. */
const TERMS_PER_EPOCH = 2 ** 32;

export function termIn(epoch: number, term: number): number {
  return epoch * TERMS_PER_EPOCH + term;
}

export function epochOfTerm(term: number): number {
  return Math.floor(term / TERMS_PER_EPOCH);
}
