/** Every PDU of RFC 7143 has its own file, which begins with its section. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { it } from 'node:test';

const FOLDER = new URL('../../src/pdu/', import.meta.url);

/** RFC 7143 §11.3 to §11.19; SNACK (§11.16) belongs to higher error recovery levels and is rejected unread. */
const SECTIONS = {
  'scsi-command.ts': '11.3',
  'scsi-response.ts': '11.4',
  'task-management-request.ts': '11.5',
  'task-management-response.ts': '11.6',
  'data-out.ts': '11.7',
  'data-in.ts': '11.7',
  'r2t.ts': '11.8',
  'async-message.ts': '11.9',
  'text-request.ts': '11.10',
  'text-response.ts': '11.11',
  'login-request.ts': '11.12',
  'login-response.ts': '11.13',
  'logout-request.ts': '11.14',
  'logout-response.ts': '11.15',
  'reject.ts': '11.17',
  'nop-out.ts': '11.18',
  'nop-in.ts': '11.19',
  // The numbers that all responses carry.
  'sequence.ts': '11.4.9',
};

it('quotes the section of every PDU above its code', () => {
  assert.deepEqual(readdirSync(FOLDER).toSorted(), Object.keys(SECTIONS).toSorted());
  for (const [file, section] of Object.entries(SECTIONS)) {
    const source = readFileSync(new URL(file, FOLDER), 'utf8');
    assert.equal(/^\/\*\*[^(]*\(RFC 7143 §([\d.]*\d)/.exec(source)?.[1], section, file);
  }
});
