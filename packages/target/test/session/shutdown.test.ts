/** A target that is closing asks its initiators to log out, and waits for them only so long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ASYNC_EVENT, LOGOUT_REASON, RESPONSE, frame } from '@eterne/iscsi';
import { readAsyncMessage } from '@eterne/iscsi/pdu/async-message.ts';
import { writeLogoutRequest } from '@eterne/iscsi/pdu/logout-request.ts';
import { NORMAL, TestInitiator } from '../support/initiator.ts';
import { TARGET, serve } from '../support/served.ts';

async function loggedIn(address: string): Promise<TestInitiator> {
  const initiator = new TestInitiator(address);
  assert.equal((await initiator.login(NORMAL(TARGET)))?.response.status, 0);
  return initiator;
}

describe('a target that closes', () => {
  it('asks for a log-out, carries out what came before it, and answers it', async () => {
    const served = await serve();
    const initiator = await loggedIn(served.address);
    const closed = served.close();
    const message = await initiator.receive();
    assert.equal(message?.opcode, RESPONSE.asyncMessage);
    const { event, parameters } = readAsyncMessage(message.header);
    assert.deepEqual([event, parameters], [ASYNC_EVENT.logoutRequest, [0, 0, 1]]);
    initiator.command('000000000000');
    const logout = { reason: LOGOUT_REASON.closeSession, immediate: true, initiatorTaskTag: 99, cid: 0 };
    const fields = { ...logout, cmdSn: initiator.cmdSn, expStatSn: 0 };
    initiator.send(frame(writeLogoutRequest, fields, Buffer.alloc(0)));
    assert.equal((await initiator.receive())?.opcode, RESPONSE.scsi);
    assert.equal((await initiator.receive())?.opcode, RESPONSE.logout);
    initiator.close();
    await closed;
  });

  it('cuts who does not', async () => {
    const served = await serve();
    const initiator = await loggedIn(served.address);
    const closed = served.close();
    assert.equal((await initiator.receive())?.opcode, RESPONSE.asyncMessage);
    assert.equal(await initiator.receive(), undefined);
    await closed;
  });
});
