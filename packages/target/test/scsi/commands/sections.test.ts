/** Where a command is specified stands above its code; one file each, as the numbers of the standards move from edition to edition. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { it } from 'node:test';
import { COMMANDS } from '@eterne/target/scsi/commands/index.ts';

const FOLDER = new URL('../../../src/scsi/commands/', import.meta.url);
/** The list of all, and what several commands share. */
const NO_COMMANDS = ['index.ts', 'compare.ts'];

const heads = readdirSync(FOLDER)
  .filter((file) => !NO_COMMANDS.includes(file))
  .map((file) => ({ file, head: /^\/\*\*.*?\*\//s.exec(readFileSync(new URL(file, FOLDER), 'utf8'))?.[0] }));

it('quotes the section of every SCSI command above its code', () => {
  assert.ok(heads.length > 30);
  for (const { file, head } of heads)
    assert.match(
      head ?? '',
      /^\/\*\*\s+(\* )?[A-Z][A-Z 0-9()-]*(,? \(?[^:]*)?: (SPC|SBC)-\d(, clause "| §[56]\.\d)/,
      file,
    );
});

it('has one file for each command, whatever lengths its CDB may have', () => {
  for (const { name } of COMMANDS) {
    const title = name.replace(/[ ,]*\(.*|,.*/, '');
    const named = heads.filter(({ head }) => head?.match(/^\/\*\*\s+(?:\* )?([A-Z -]+[A-Z])/)?.[1] === title);
    assert.equal(named.length, 1, `${name} in ${named.map(({ file }) => file).join(' and ')}`);
  }
});
