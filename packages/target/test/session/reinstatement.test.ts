/** A login that waits for the older session of its initiator port. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeText, frame } from '@eterne/iscsi';
import { writeLoginRequest } from '@eterne/iscsi/pdu/login-request.ts';
import { LOGIN_TIMEOUT_MS } from '@eterne/target/limits.ts';
import { FIRST_LOGIN, NORMAL, TestInitiator } from '../support/initiator.ts';
import { TARGET, serve } from '../support/served.ts';

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    assert.ok(tries < 500);
    await sleep(10);
  }
}

it('leaves no session behind that took too long', async () => {
  const held: (() => void)[] = [];
  const served = await serve({ hold: (go) => held.push(go) });
  const older = new TestInitiator(served.address);
  const newer = new TestInitiator(served.address);
  try {
    await older.login(NORMAL(TARGET));
    older.command('000000000000');
    await older.receive(); // the unit attention of a new session
    older.command('2a00 00000000 00 0001 00', { data: Buffer.alloc(512, 1) });
    await until(() => held.length === 1);
    newer.send(frame(writeLoginRequest, FIRST_LOGIN, encodeText(NORMAL(TARGET))));
    await older.closed(); // cut by the newer one, which waits for the write from now on
    served.expire(LOGIN_TIMEOUT_MS);
    await newer.closed();
    assert.equal(served.server.sessions.length, 1);
    held.pop()?.();
    await until(() => served.server.sessions.length === 0);
  } finally {
    for (const go of held) go();
    older.close();
    newer.close();
    await served.close();
  }
});
