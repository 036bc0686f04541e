/**
 * Imported before anything else (`node --import`), it makes this program one of the first feature level: it knows nothing of the additions, and writes what such a
 * program writes. As a planted bug of the simulator it changes one line while its file is loaded.
 */
import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';

const NOW = 'export const LEVELS = new Levels(ADDITIONS);';
const THEN = 'export const LEVELS = new Levels(ADDITIONS, FIRST_LEVEL);';

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    if (!url.endsWith('/cluster/src/state/levels.ts')) return loaded;
    const { source } = loaded;
    assert.ok(source !== undefined && source !== null);
    const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
    assert.equal(text.split(NOW).length, 2, 'the line is there');
    return { ...loaded, source: text.replace(NOW, THEN) };
  },
});
