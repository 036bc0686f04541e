/** What an initiator must not be able to do, over real connections. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  LOGIN_STATUS,
  LOGOUT_REASON,
  LOGOUT_RESPONSE,
  NO_TAG,
  REJECT,
  RESPONSE,
  SENSE,
  STAGE,
  STATUS,
  TASK_RESPONSE,
  chapResponse,
  decodeBinary,
  encodeBinary,
  frame,
} from '@eterne/iscsi';
import { writeDataOut } from '@eterne/iscsi/pdu/data-out.ts';
import { writeLogoutRequest } from '@eterne/iscsi/pdu/logout-request.ts';
import { writeNopOut } from '@eterne/iscsi/pdu/nop-out.ts';
import { readReadyToTransfer } from '@eterne/iscsi/pdu/r2t.ts';
import { readScsiResponse } from '@eterne/iscsi/pdu/scsi-response.ts';
import { writeTaskManagementRequest } from '@eterne/iscsi/pdu/task-management-request.ts';
import { writeTextRequest } from '@eterne/iscsi/pdu/text-request.ts';
import { INITIATOR, NORMAL, TestInitiator } from '../support/initiator.ts';
import { TARGET, serve, type Served } from '../support/served.ts';

const CHAP = { user: 'u', password: 'correct horse', mutualUser: 'm', mutualPassword: 'battery staple' };
const SECURITY = { current: STAGE.security, next: STAGE.operational, transit: false };
const TO_OPERATIONAL = { ...SECURITY, transit: true };
const TEST_UNIT_READY = '000000000000';
const DATA_DIGEST = true;

async function withTarget(
  options: Parameters<typeof serve>[0],
  body: (initiator: TestInitiator, served: Served) => Promise<void>,
): Promise<void> {
  const served = await serve(options);
  const initiator = new TestInitiator(served.address);
  try {
    await body(initiator, served);
  } finally {
    initiator.close();
    await served.close();
  }
}

/** Logs in with CHAP up to the response to our proof. */
async function chapLogin(
  initiator: TestInitiator,
  password: string,
  extra: (readonly [string, string])[] = [],
) {
  await initiator.login([...NORMAL(TARGET), ['AuthMethod', 'CHAP,None']], SECURITY);
  const challenge = await initiator.login([['CHAP_A', '7,5']], SECURITY);
  assert.equal(challenge?.keys.get('CHAP_A'), '7');
  const proof = chapResponse(
    'sha256',
    Number(challenge?.keys.get('CHAP_I')),
    password,
    decodeBinary(challenge?.keys.get('CHAP_C') ?? '') ?? Buffer.alloc(0),
  );
  return initiator.login([['CHAP_N', 'u'], ['CHAP_R', encodeBinary(proof)], ...extra], TO_OPERATIONAL);
}

/** A plain login, with the unit attention of a new session taken. */
async function ready(initiator: TestInitiator, keys: (readonly [string, string])[] = []): Promise<void> {
  const login = await initiator.login([...NORMAL(TARGET), ...keys]);
  assert.equal(login?.response.status, LOGIN_STATUS.success);
  initiator.command(TEST_UNIT_READY);
  await initiator.receive();
}

async function discover(initiator: TestInitiator, name: string): Promise<void> {
  const login = await initiator.login([
    ['InitiatorName', name],
    ['SessionType', 'Discovery'],
  ]);
  assert.equal(login?.response.status, LOGIN_STATUS.success);
}

/** A text request and the text of its answer; a reject's reason in its stead. */
async function text(initiator: TestInitiator, keys: string, targetTransferTag = NO_TAG): Promise<string> {
  const fields = {
    immediate: true,
    final: true,
    continues: false,
    initiatorTaskTag: 9,
    targetTransferTag,
    cmdSn: initiator.cmdSn,
    expStatSn: 0,
  };
  initiator.send(frame(writeTextRequest, fields, Buffer.from(keys)));
  const answer = await initiator.receive();
  return answer?.opcode === RESPONSE.reject
    ? `reject ${answer.header.readUInt8(2)}`
    : (answer?.data.toString() ?? 'closed');
}

describe('login', () => {
  it('lets in who knows the secret, and proves itself when asked', () =>
    withTarget({ chap: CHAP }, async (initiator) => {
      const challenge = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
      const login = await chapLogin(initiator, CHAP.password, [
        ['CHAP_I', '9'],
        ['CHAP_C', encodeBinary(challenge)],
      ]);
      assert.equal(login?.response.status, LOGIN_STATUS.success);
      assert.equal(login.response.transit, true);
      assert.equal(login.keys.get('CHAP_N'), 'm');
      assert.equal(
        login.keys.get('CHAP_R'),
        encodeBinary(chapResponse('sha256', 9, CHAP.mutualPassword, challenge)),
      );
      const last = await initiator.login([]);
      assert.equal(last?.response.status, LOGIN_STATUS.success);
      assert.notEqual(last.response.tsih, 0);
    }));

  for (const [title, options, attempt, status] of [
    [
      'a wrong CHAP secret',
      { chap: CHAP },
      (i: TestInitiator) => chapLogin(i, 'wrong'),
      LOGIN_STATUS.authenticationFailure,
    ],
    [
      'who leaves authentication out',
      { chap: CHAP },
      (i: TestInitiator) => i.login(NORMAL(TARGET)),
      LOGIN_STATUS.authenticationFailure,
    ],
    [
      'who offers no CHAP',
      { chap: CHAP },
      (i: TestInitiator) => i.login([...NORMAL(TARGET), ['AuthMethod', 'None']], SECURITY),
      LOGIN_STATUS.authenticationFailure,
    ],
    [
      'an unlisted initiator',
      { initiators: ['iqn.2026-11.io.eterne:other'] },
      (i: TestInitiator) => i.login(NORMAL(TARGET)),
      LOGIN_STATUS.authorizationFailure,
    ],
    [
      'an unknown target',
      {},
      (i: TestInitiator) => i.login(NORMAL('iqn.2026-11.io.eterne:none')),
      LOGIN_STATUS.notFound,
    ],
    [
      'no initiator name',
      {},
      (i: TestInitiator) => i.login([['SessionType', 'Normal']]),
      LOGIN_STATUS.missingParameter,
    ],
    [
      'no target name',
      {},
      (i: TestInitiator) => i.login(NORMAL(TARGET).slice(0, 2)),
      LOGIN_STATUS.missingParameter,
    ],
    [
      'an unknown session type',
      {},
      (i: TestInitiator) =>
        i.login([
          ['InitiatorName', 'iqn.2026-11.a:b'],
          ['SessionType', 'Odd'],
        ]),
      LOGIN_STATUS.sessionTypeNotSupported,
    ],
  ] as const)
    it(`refuses ${title} and closes`, () =>
      withTarget(options, async (initiator) => {
        const login = await attempt(initiator);
        assert.equal(login?.response.status, status);
        assert.equal(login.response.transit, false);
        await initiator.closed();
      }));

  it('refuses a key that is negotiated again, and another ISID half-way', () =>
    withTarget({}, async (initiator, served) => {
      const operational = { current: STAGE.operational, next: STAGE.fullFeature, transit: false };
      await initiator.login([...NORMAL(TARGET), ['MaxBurstLength', '65536']], operational);
      const again = await initiator.login([['MaxBurstLength', '131072']]);
      assert.equal(again?.response.status, LOGIN_STATUS.initiatorError);
      await initiator.closed();
      const other = new TestInitiator(served.address);
      await other.login(NORMAL(TARGET), operational);
      const changed = await other.login([], undefined, '800000000002');
      assert.equal(changed?.response.status, LOGIN_STATUS.initiatorError);
      await other.closed();
    }));

  it('shows an initiator the targets it may log in to, and answers keys that have no place', () =>
    withTarget({ initiators: [INITIATOR] }, async (initiator, served) => {
      await discover(initiator, INITIATOR);
      const seen = await text(initiator, 'SendTargets=All\0X-eterne.odd=1\0MaxConnections=1\0');
      assert.equal(
        seen,
        `TargetName=${TARGET}\0TargetAddress=${served.address},1\0X-eterne.odd=NotUnderstood\0MaxConnections=Reject\0`,
      );
      const stranger = new TestInitiator(served.address);
      await discover(stranger, 'iqn.2026-11.io.eterne:stranger');
      assert.equal(await text(stranger, 'SendTargets=All\0'), '');
      assert.equal(await text(stranger, `SendTargets=${TARGET}\0`), '');
      stranger.close();
    }));

  it('cuts who reflects our challenge', () =>
    withTarget({ chap: CHAP }, async (initiator) => {
      await initiator.login([...NORMAL(TARGET), ['AuthMethod', 'CHAP']], SECURITY);
      const asked = await initiator.login([['CHAP_A', '7']], SECURITY);
      const challenge = asked?.keys.get('CHAP_C') ?? '';
      const proof = chapResponse(
        'sha256',
        Number(asked?.keys.get('CHAP_I')),
        CHAP.password,
        decodeBinary(challenge) ?? Buffer.alloc(0),
      );
      const reflected = await initiator.login(
        [
          ['CHAP_N', 'u'],
          ['CHAP_R', encodeBinary(proof)],
          ['CHAP_I', '1'],
          ['CHAP_C', challenge],
        ],
        TO_OPERATIONAL,
      );
      assert.equal(reflected?.response.status, LOGIN_STATUS.authenticationFailure);
    }));

  it('survives logins cut off at every byte', () =>
    withTarget({}, async (initiator, served) => {
      for (const lengthBytes of [1, 47, 48, 49, 100]) {
        const other = new TestInitiator(served.address);
        other.send(Buffer.alloc(lengthBytes, 0x43));
        other.close();
      }
      await ready(initiator);
    }));

  it('cuts who sends something else first, or a login that is too long', () =>
    withTarget({}, async (initiator, served) => {
      initiator.send(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.padEnd(96)));
      await initiator.closed();
      const other = new TestInitiator(served.address);
      other.send(
        frame(
          writeNopOut,
          { immediate: true, initiatorTaskTag: 1, targetTransferTag: 0, cmdSn: 0, expStatSn: 0 },
          Buffer.alloc(9000),
        ),
      );
      await other.closed();
    }));
});

describe('full feature phase', () => {
  it('cuts who sends a PDU that is too long', () =>
    withTarget({}, async (initiator) => {
      await ready(initiator);
      const nop = Buffer.alloc(48);
      nop.writeUIntBE(300_000, 5, 3);
      initiator.send(nop);
      await initiator.closed();
    }));

  it('cuts who sends wrong digests', () =>
    withTarget({}, async (initiator) => {
      const login = await initiator.login([
        ...NORMAL(TARGET),
        ['HeaderDigest', 'CRC32C'],
        ['DataDigest', 'CRC32C'],
      ]);
      assert.equal(login?.keys.get('HeaderDigest'), 'CRC32C');
      initiator.send(
        frame(
          writeNopOut,
          { immediate: true, initiatorTaskTag: 1, targetTransferTag: 0xffffffff, cmdSn: 1, expStatSn: 1 },
          Buffer.alloc(0),
        ),
      );
      initiator.send(Buffer.alloc(4, 1));
      await initiator.closed();
    }));

  it('fails a write whose data is damaged, and goes on', () =>
    withTarget({}, async (initiator, served) => {
      const login = await initiator.login([...NORMAL(TARGET), ['DataDigest', 'CRC32C']]);
      assert.equal(login?.keys.get('DataDigest'), 'CRC32C');
      initiator.command(TEST_UNIT_READY);
      assert.equal((await initiator.receive(DATA_DIGEST))?.opcode, RESPONSE.scsi);
      const tag = initiator.command('2a000000000000001000', { expectedBytes: 8192 });
      const r2t = await initiator.receive(DATA_DIGEST);
      const { targetTransferTag } = readReadyToTransfer(r2t?.header ?? Buffer.alloc(48));
      const piece = (bufferOffset: number, final: boolean): Buffer =>
        frame(
          writeDataOut,
          {
            final,
            initiatorTaskTag: tag,
            targetTransferTag,
            expStatSn: 0,
            dataSn: bufferOffset / 4096,
            bufferOffset,
          },
          Buffer.alloc(4096, 7),
          { header: false, data: true },
        );
      const damaged = piece(0, false);
      damaged.writeUInt8(8, 1000);
      initiator.send(damaged);
      const reject = await initiator.receive(DATA_DIGEST);
      assert.equal(reject?.opcode, RESPONSE.reject);
      assert.equal(reject.header.readUInt8(2), REJECT.dataDigestError);
      initiator.send(piece(4096, true));
      const answer = await initiator.receive(DATA_DIGEST);
      assert.equal(readScsiResponse(answer?.header ?? Buffer.alloc(48)).status, STATUS.checkCondition);
      assert.equal(answer?.data.readUInt16BE(14), SENSE.protocolServiceCrcError.code);
      assert.ok(served.memory.every((byte) => byte === 0));
      initiator.command(TEST_UNIT_READY);
      const last = await initiator.receive(DATA_DIGEST);
      assert.equal(readScsiResponse(last?.header ?? Buffer.alloc(48)).status, STATUS.good);
    }));

  it('cuts who sends a damaged command', () =>
    withTarget({}, async (initiator) => {
      await initiator.login([...NORMAL(TARGET), ['DataDigest', 'CRC32C']]);
      initiator.command('2a000000000000000100', { data: Buffer.alloc(512, 9) });
      initiator.send(Buffer.alloc(4, 1)); // in the place of the digest
      const reject = await initiator.receive(DATA_DIGEST);
      assert.equal(reject?.header.readUInt8(2), REJECT.dataDigestError);
      await initiator.closed();
    }));

  it('logs out only the connection there is', () =>
    withTarget({}, async (initiator) => {
      await ready(initiator);
      const logout = async (reason: number, cid: number): Promise<number | undefined> => {
        const fields = {
          immediate: true,
          reason,
          initiatorTaskTag: 5,
          cid,
          cmdSn: initiator.cmdSn,
          expStatSn: 0,
        };
        initiator.send(frame(writeLogoutRequest, fields, Buffer.alloc(0)));
        return (await initiator.receive())?.header.readUInt8(2);
      };
      assert.equal(await logout(LOGOUT_REASON.closeConnection, 7), LOGOUT_RESPONSE.cidNotFound);
      assert.equal(await logout(LOGOUT_REASON.removeForRecovery, 0), LOGOUT_RESPONSE.recoveryNotSupported);
      assert.equal(await logout(LOGOUT_REASON.closeConnection, 0), LOGOUT_RESPONSE.closed);
      await initiator.closed();
    }));

  it('begins a text negotiation anew, and knows no tag that it has not given', () =>
    withTarget({}, async (initiator) => {
      await ready(initiator);
      assert.match(await text(initiator, 'SendTargets=\0'), new RegExp(`^TargetName=${TARGET}`));
      assert.equal(await text(initiator, 'SendTargets=All\0'), `reject ${REJECT.protocolError}`);
      assert.equal(await text(initiator, '', 99), `reject ${REJECT.invalidPduField}`);
    }));

  it('never carries out a command that was aborted before it came', () =>
    withTarget({}, async (initiator, served) => {
      await ready(initiator);
      const missing = initiator.cmdSn;
      const abort = {
        immediate: true,
        function: 1,
        lun: Buffer.from('0001000000000000', 'hex'),
        initiatorTaskTag: 78,
        referencedTaskTag: 1000,
        cmdSn: missing + 1,
        expStatSn: 1,
        refCmdSn: missing,
      };
      initiator.send(frame(writeTaskManagementRequest, abort, Buffer.alloc(0)));
      assert.equal((await initiator.receive())?.header.readUInt8(2), TASK_RESPONSE.complete);
      initiator.command('2a000000000000000100', { data: Buffer.alloc(512, 9) }); // it has that number
      initiator.command(TEST_UNIT_READY);
      assert.equal((await initiator.receive())?.opcode, RESPONSE.scsi);
      assert.equal(served.memory[0], 0);
    }));

  it('verifies long ranges in pieces, and tells where they differ', () =>
    withTarget({}, async (initiator, served) => {
      await ready(initiator);
      served.memory[700_000] = 1;
      initiator.command('2f000000000000080000'); // BYTCHK 0: any bytes will do
      assert.equal(
        readScsiResponse((await initiator.receive())?.header ?? Buffer.alloc(48)).status,
        STATUS.good,
      );
      initiator.command('2f060000000000080000', { data: Buffer.alloc(512) }); // BYTCHK 3: each block is this one
      const answer = await initiator.receive();
      assert.equal(answer?.data.readUInt16BE(14), SENSE.miscompareDuringVerify.code);
      assert.equal(answer.data.readUInt32BE(5), 700_000);
      assert.ok(served.longestReadBytes <= 256 * 1024);
    }));

  it('fails a write whose data comes out of order, and writes nothing', () =>
    withTarget({}, async (initiator, served) => {
      await ready(initiator);
      const tag = initiator.command('2a000000000000001000', { expectedBytes: 8192 });
      const r2t = await initiator.receive();
      assert.equal(r2t?.opcode, RESPONSE.r2t);
      const { targetTransferTag } = readReadyToTransfer(r2t.header);
      const out = {
        final: true,
        initiatorTaskTag: tag,
        targetTransferTag,
        expStatSn: 0,
        dataSn: 1,
        bufferOffset: 0,
      };
      initiator.send(frame(writeDataOut, out, Buffer.alloc(8192, 7)));
      const answer = await initiator.receive();
      assert.equal(readScsiResponse(answer?.header ?? Buffer.alloc(48)).status, STATUS.checkCondition);
      assert.ok(served.memory.every((byte) => byte === 0));
    }));

  it('obeys nothing that may have waited in a process that stood still', () =>
    withTarget({}, async (initiator, served) => {
      await ready(initiator);
      served.standStill(5_500);
      initiator.command('2a000000000000000100', { data: Buffer.alloc(512, 9) });
      assert.equal(await initiator.receive(), undefined);
      assert.equal(served.memory[0], 0);
    }));

  it('answers a ping while writes are held, and an abort only when they can no longer land', async () => {
    const held: (() => void)[] = [];
    await withTarget({ hold: (go) => held.push(go) }, async (initiator, served) => {
      await ready(initiator);
      const tag = initiator.command('2a000000000000000100', { data: Buffer.alloc(512, 9) });
      const nop = {
        immediate: true,
        initiatorTaskTag: 77,
        targetTransferTag: 0xffffffff,
        cmdSn: initiator.cmdSn,
        expStatSn: 1,
      };
      const abort = {
        immediate: true,
        function: 1,
        lun: Buffer.from('0001000000000000', 'hex'),
        initiatorTaskTag: 78,
        referencedTaskTag: tag,
        cmdSn: initiator.cmdSn,
        expStatSn: 1,
        refCmdSn: initiator.cmdSn - 1,
      };
      initiator.send(frame(writeTaskManagementRequest, abort, Buffer.alloc(0)));
      initiator.send(frame(writeNopOut, nop, Buffer.from('ping')));
      const pong = await initiator.receive();
      assert.equal(pong?.opcode, RESPONSE.nopIn);
      assert.equal(pong.data.toString(), 'ping');
      assert.equal(held.length, 1);
      held[0]?.();
      assert.equal(served.memory[0], 9);
      const aborted = await initiator.receive();
      assert.equal(aborted?.opcode, RESPONSE.taskManagement);
      assert.equal(aborted.header.readUInt8(2), 0);
    });
  });

  it('gives a new session of the same port only when the old one can no longer write', async () => {
    const held: (() => void)[] = [];
    await withTarget({ hold: (go) => held.push(go) }, async (initiator, served) => {
      await ready(initiator);
      initiator.command('2a000000000000000100', { data: Buffer.alloc(512, 9) });
      while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const again = new TestInitiator(served.address);
      let answered = false;
      const login = again.login(NORMAL(TARGET)).then((reply) => {
        answered = true;
        return reply;
      });
      await initiator.closed();
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(answered, false);
      held[0]?.();
      assert.equal((await login)?.response.status, LOGIN_STATUS.success);
      again.close();
    });
  });
});
