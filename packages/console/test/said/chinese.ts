import assert from 'node:assert/strict';
import { knownText } from '../../src/i18n/said/said-text.ts';

/** Commands stay, and so do names, settings and sizes. */
const LEFT_OVER = /[a-z]{2,} [a-z]{2,} [a-z]{2,}|\b(?:and|but|has|is|it|not|of|the|to|was|which)\b/i;

/** Fails for a text that is not known, or only in part. */
export function assertChinese(text: string): void {
  const said = knownText(text);
  assert.ok(said !== undefined, `not known: ${text}`);
  assert.doesNotMatch(said.replaceAll(/`[^`]*`/g, ''), LEFT_OVER, text);
}
