/**
 * Plants a mutant: a deliberate bug, made by rewriting one place of one source file while it is loaded. The code under test carries no
 * hooks for this, and production cannot reach it. A mutant whose text is no longer found exactly once is an
 * error, so the list cannot rot unseen.
 */
import { registerHooks } from 'node:module';
import { assert, EterneError } from '@eterne/base';
import { MUTANTS, type Mutant } from './registry.ts';

export function plant(name: string): void {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (mutant === undefined) throw new EterneError('usage', `no mutant ${name}`);
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/packages/${mutant.file}`)) return loaded;
      const { source } = loaded;
      assert(source !== undefined && source !== null, `${url} has a source`);
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: mutate(mutant, text) };
    },
  });
}

/** The source with the mutant's change. */
export function mutate(mutant: Mutant, source: string): string {
  let mutated = source;
  for (const [find, replace] of mutant.edits) {
    const parts = mutated.split(find);
    assert(
      parts.length === 2,
      `mutant ${mutant.name}: its text occurs ${parts.length - 1} times in ${mutant.file}`,
    );
    mutated = parts.join(replace);
  }
  return mutated;
}
