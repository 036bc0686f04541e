/**
 * Plants a mutant: a deliberate bug, made by rewriting one place of one source file while it is loaded. The code under test carries no
 * hooks for this, and production cannot reach it. A mutant whose text is no longer found exactly once is an
 * error, so the list cannot rot unseen.
 */
import { registerHooks } from 'node:module';
import { assert, EterneError } from '@eterne/base';
import { MUTANTS, type Change } from './registry.ts';

export function plant(name: string): void {
  const mutant = MUTANTS.find((candidate) => candidate.name === name);
  if (mutant === undefined) throw new EterneError('usage', `no mutant ${name}`);
  const { changes } = mutant;
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const change = changes.find(({ file }) => url.endsWith(`/packages/${file}`));
      if (change === undefined) return loaded;
      const { source } = loaded;
      assert(source !== undefined && source !== null, `${url} has a source`);
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: mutate(name, change, text) };
    },
  });
}

/** The source with one change of the mutant. */
export function mutate(name: string, { file, edits }: Change, source: string): string {
  let mutated = source;
  for (const [find, replace] of edits) {
    const parts = mutated.split(find);
    assert(parts.length === 2, `mutant ${name}: its text occurs ${parts.length - 1} times in ${file}`);
    mutated = parts.join(replace);
  }
  return mutated;
}
