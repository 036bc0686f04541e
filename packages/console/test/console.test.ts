import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { type ApiFixture, PASSWORD, startFixture } from '../../cluster/test/api/fixture.ts';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { EterneError } from '@eterne/base';
import { JOURNAL_LOST_HINT } from '@eterne/disk/rescue/log.ts';
import type { Browser } from 'playwright-core';
import { buildConsole, launchBrowser, logIn, missing, visit } from './browser.ts';
import { clusterWith, shownBy, stepsOf } from './wizards/planned.ts';

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const PAGES = ['/', '/groups', '/volumes', '/nodes', '/events', '/configuration', '/accounts'];

await suite('console', { skip: missing() ?? false }, () => {
  let folder = '';
  let fixture: ApiFixture;
  let browser: Browser;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'eterne-console-'));
    await buildConsole(folder);
    fixture = await startFixture({ consoleFolder: folder });
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    await fixture.close();
    await rm(folder, { recursive: true });
  });
  /** The cluster shows and plans as a real one does of which the document says what it is. The answer ends that. */
  const planAsReal = (document: unknown): (() => void) => {
    const before = { ...fixture.facade };
    const state = clusterWith(document);
    Object.assign(fixture.facade, {
      configShow: () => shownBy(state),
      configPlan: async (given: unknown) => ({ steps: stepsOf(state, given) }),
    });
    return () => void Object.assign(fixture.facade, before);
  };
  /** The document of the only order, and nothing else was ordered. */
  const applied = (): unknown => {
    const [order = '', ...more] = fixture.facade.orders;
    assert.deepEqual(more, []);
    const [, document = 'null'] = /^configApply\((.*), "admin@127\.0\.0\.1"\)$/.exec(order) ?? [];
    return JSON.parse(document);
  };

  test('nothing is shown before the log-in, and a wrong password is said to be wrong', async () => {
    const { page } = await visit(browser, `${fixture.url}/groups`);
    await logIn(page, 'viewer', 'not the password');
    await page.getByText('the user or the password is wrong').waitFor();
    assert.equal(await page.getByText('prod').count(), 0);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('heading', { name: 'Groups' }).waitFor();
    await page.context().close();
  });

  test('what happens in the cluster appears by itself', async () => {
    const { page, faults } = await visit(browser, fixture.url);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('heading', { name: 'Everything runs, but not everything is protected' }).waitFor();
    fixture.facade.addEvent({ atMs: Date.now(), level: 'warning', code: 'node.lost', message: 'n2 is lost' });
    await page.getByText('n2 is lost').waitFor();
    fixture.facade.setStatus((status) => ({ ...status, quorate: false }));
    await page.getByRole('heading', { name: 'No quorum' }).waitFor();
    fixture.facade.setStatus((status) => ({ ...status, quorate: true }));
    await page.getByRole('heading', { name: 'Everything runs' }).waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a node says what is not well on it, in the language of the reader', async () => {
    const eth0 = { kind: 'link', subject: 'eth0', detail: 'eth0 has no carrier' } as const;
    const ofN2 = (troubles: readonly (typeof eth0)[]): void =>
      fixture.facade.setStatus((status) => ({
        ...status,
        nodes: status.nodes.map((node) => (node.name === 'n2' ? { ...node, troubles } : node)),
      }));
    ofN2([eth0]);
    const { page, faults } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('article').filter({ hasText: 'n2' }).getByText('eth0 has no carrier').waitFor();
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('网口 eth0 链路不通').waitFor();
    ofN2([]);
    await page.getByText('网口 eth0 链路不通').waitFor({ state: 'detached' });
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a copy whose node is lost says so and what it lacks, and shows no progress', async () => {
    const before = fixture.facade.status();
    fixture.facade.setStatus((status) => ({
      ...status,
      nodes: status.nodes.map((node) => (node.name === 'n2' ? { ...node, state: 'lost' as const } : node)),
      volumes: status.volumes.map((volume) => ({
        ...volume,
        replicas: volume.replicas.map((replica) =>
          replica.node === 'n2' ? { ...replica, disk: 'Unknown' as const } : replica,
        ),
      })),
    }));
    const { page, faults } = await visit(browser, fixture.url);
    await logIn(page, 'viewer', PASSWORD);
    for (const path of ['/', '/volumes']) {
      await page.locator(`nav a[href="${path}"]`).click();
      await page.getByText('node is lost').waitFor();
      await page.getByText('300 MiB to copy when it is back').waitFor();
      assert.equal(await page.getByRole('progressbar').count(), 0, path);
    }
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('节点失联').waitFor();
    await page.getByText('恢复后需补齐 300 MiB').waitFor();
    fixture.facade.setStatus((status) => ({ ...status, nodes: before.nodes }));
    await page.getByText('未连接').waitFor();
    assert.equal(await page.getByRole('progressbar').count(), 0, 'cut off from the primary');
    fixture.facade.setStatus(() => before);
    await page.getByRole('progressbar').waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('what of a group runs where it should not is said on its card', async () => {
    const onN2 = (failure: string): void =>
      fixture.facade.setStatus((status) => ({
        ...status,
        groups: status.groups.map((group) => ({
          ...group,
          strays: failure === 'none' ? [] : [{ node: 'n2', resources: ['ledger'], failure }],
        })),
      }));
    onN2('');
    const { page, faults } = await visit(browser, `${fixture.url}/groups`);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('article').getByText('ledger also on n2: being stopped').waitFor();
    await page.getByRole('button', { name: '中文' }).click();
    onN2('timed out');
    await page.getByText('ledger 同时在 n2 上运行：timed out').waitFor();
    onN2('none');
    await page.getByText('timed out').waitFor({ state: 'detached' });
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('what the server says is said in the language of the reader: warnings, reasons, refusals, plans', async () => {
    const before = fixture.facade.status();
    const as = { ...fixture.facade };
    const lost = 'n2 is not heard; waiting until its lease has ended for certain';
    fixture.facade.setStatus((status) => ({
      ...status,
      warnings: ['Group db has no node that would take it over now.'],
      groups: status.groups.map((group) => ({ ...group, reason: lost })),
    }));
    Object.assign(fixture.facade, {
      groupExplain: (name: string) => ({
        ...as.groupExplain(name),
        candidates: [{ node: 'n2', eligible: false, reason: 'is in standby' }],
      }),
      groupMove: () =>
        Promise.reject(
          new EterneError('refused', 'n2 cannot take group db: it is in standby', {
            hint: 'try again in a moment',
          }),
        ),
      configPlan: () =>
        Promise.resolve({
          steps: [{ action: 'change', subject: 'group', name: 'db', sentence: 'Change group db.' }],
        }),
    });
    const { page, faults } = await visit(browser, fixture.url, { locale: 'zh-CN' });
    await logIn(page, 'admin', PASSWORD);
    await page.getByText('资源组 db 目前没有节点可以接管。').waitFor();
    await page.locator('nav a[href="/groups"]').click();
    await page.getByText('n2 失联；正在等待其租约确定到期').waitFor();
    const dialog = page.getByRole('dialog');
    await page.getByRole('button', { name: '为何在此？' }).click();
    await dialog.getByText('n2 不可运行 处于待机').waitFor();
    await dialog.getByRole('button', { name: '关闭' }).click();
    await page.getByRole('button', { name: '切换', exact: true }).click();
    await dialog.getByRole('button', { name: '切换' }).click();
    await dialog.getByText('n2 不能接管资源组 db：该节点处于待机 请稍后重试').waitFor();
    await dialog.getByRole('button', { name: '取消' }).click();
    await page.locator('nav a[href="/configuration"]').click();
    await page.getByRole('button', { name: '会做什么？' }).click();
    await page.getByText('更改资源组 db。', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByText('Change group db.', { exact: true }).waitFor();
    Object.assign(fixture.facade, as);
    fixture.facade.setStatus(() => before);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('an order is given only after a question, and an error is shown', async () => {
    const { page } = await visit(browser, fixture.url);
    await logIn(page, 'operator', PASSWORD);
    await page.getByRole('link', { name: 'Groups' }).click();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Move' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Move to n2').waitFor();
    assert.deepEqual(fixture.facade.orders, []);
    await dialog.getByRole('button', { name: 'Move' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(fixture.facade.orders, ['groupMove("db", "n2", "operator@127.0.0.1")']);
    await page.context().close();
  });

  test('a drill shows how long the services paused', async () => {
    const { page } = await visit(browser, fixture.url);
    await logIn(page, 'operator', PASSWORD);
    await page.getByRole('link', { name: 'Groups' }).click();
    await page.getByRole('button', { name: 'Drill' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Drill' }).click();
    await dialog.getByText('Moved from n1 to n2; the services paused for 1.2 s.').waitFor();
    await dialog.getByText('Of 800 confirmed writes, 0 were lost.').waitFor();
    await page.context().close();
  });

  test('the page of a volume shows what is under way, and gives up data only by name', async () => {
    const { page, faults } = await visit(browser, `${fixture.url}/volumes`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('link', { name: 'data' }).click();
    const copy = page.getByRole('article', { name: 'Copy on n1' });
    await copy.getByText('Copying what changed · 25 %').waitFor();
    assert.equal(await page.locator('nav a.active').textContent(), 'Volumes');
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Compare copies' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Copy what differs at once').check();
    await dialog.getByRole('button', { name: 'Compare copies' }).click();
    await dialog.waitFor({ state: 'detached' });
    await copy.getByRole('button', { name: 'Rescue journal' }).click();
    await dialog.getByText('a split brain was settled').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    fixture.facade.setReplica((replica) => ({
      ...replica,
      peers: replica.peers.map((peer) => ({ ...peer, connection: 'StandAlone', splitBrain: true })),
    }));
    await page.getByRole('button', { name: 'Show what each side changed' }).click();
    await page.getByText('/db/orders.ibd').waitFor();
    await page.getByRole('button', { name: 'Give up what n2 changed' }).click();
    const give = dialog.getByRole('button', { name: 'Give up what n2 changed' });
    assert.ok(await give.isDisabled());
    await dialog.getByLabel('write its name: data').fill('data');
    await give.click();
    await dialog.waitFor({ state: 'detached' });
    const by = '"admin@127.0.0.1"';
    assert.deepEqual(fixture.facade.orders, [
      `volumeOrder("data", {"verb":"verify","fast":false,"repair":true}, ${by})`,
      `volumeOrder("data", {"verb":"resolve","discard":"remote","peer":"n2"}, ${by})`,
    ]);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a copy that waits says why, and what has it go on, in the language of the reader', async () => {
    let whole: VolumeStatus | undefined;
    const paused = {
      reason: 'rescue journal: EIO',
      goesOn: JOURNAL_LOST_HINT,
    };
    fixture.facade.setReplica((replica) => {
      whole = replica;
      const peers = replica.peers.map((peer) => ({
        ...peer,
        connection: 'Connected' as const,
        replication: 'PausedSync' as const,
        splitBrain: false,
        paused,
      }));
      return { ...replica, peers };
    });
    const { page, faults } = await visit(browser, `${fixture.url}/volumes/data`);
    await logIn(page, 'viewer', PASSWORD);
    const copy = page.getByRole('article', { name: 'Copy on n1' });
    await copy.getByText(`It waits: ${paused.reason}`).waitFor();
    await copy.getByText(`What has it go on: ${paused.goesOn}`).waitFor();
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('等待原因：救援日志：EIO').waitFor();
    await page.getByText('恢复条件：修复其设备，一分钟内会自动恢复使用').waitFor();
    fixture.facade.setReplica((replica) => whole ?? replica);
    await page.getByText('等待原因').waitFor({ state: 'detached' });
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('settings of a volume are changed after a look at what that would do', async () => {
    const { page } = await visit(browser, `${fixture.url}/volumes/data`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByLabel('Size').fill('2GiB');
    await page.getByLabel('Reads are answered by').selectOption('striped');
    await page
      .getByLabel('Split brain, one side is primary')
      .selectOption({ label: 'whoever was not primary last' });
    await page.getByRole('button', { name: 'What would this do?' }).click();
    await page.getByText('create volume data').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByText('Done.').waitFor();
    const [order = ''] = fixture.facade.orders;
    assert.match(
      order,
      /"size":"2GiB".*"splitBrain":.*"onePrimary":"discard-remote".*"readPolicy":"striped".*"checksums":"none"/,
    );
    await page.context().close();
  });

  test('a template asks a few questions and makes a whole group', async () => {
    const { page, faults } = await visit(browser, `${fixture.url}/new/service`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByLabel('What is to be protected').selectOption('redis');
    const next = page.getByRole('button', { name: 'Next' });
    assert.ok(await next.isDisabled(), 'it asks for what has no usual answer');
    await page.getByLabel(/^Where it may run/).fill('n1,n2');
    await page.getByLabel(/^Mirrored volume with its data/).fill('redis');
    await page.getByLabel(/^Make the volume, of this size/).fill('1GiB');
    await page.getByLabel(/^Disk, partition or file/).fill('/srv/redis.img');
    await next.click();
    await page.getByText('create volume data').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Groups' }).waitFor();
    assert.match(fixture.facade.orders[0] ?? '', /configApply\(\{.*"groups":\[\{"name":"redis"/);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a group, and the whole cluster, are put into maintenance', async () => {
    const { page } = await visit(browser, `${fixture.url}/groups`);
    await logIn(page, 'operator', PASSWORD);
    fixture.facade.orders.length = 0;
    for (const at of [0, 1]) {
      await page.getByRole('button', { name: 'Maintenance' }).nth(at).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Maintenance' }).click();
      await dialog.waitFor({ state: 'detached' });
    }
    const by = '"operator@127.0.0.1"';
    assert.deepEqual(fixture.facade.orders, [
      `setMaintenance("db", true, ${by})`,
      `setMaintenance(null, true, ${by})`,
    ]);
    await page.context().close();
  });

  test('failures are rehearsed: of a node, of its return, of the network', async () => {
    const { page, faults } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('button', { name: 'What if it fails?' }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('n2 is out of sync').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'What if the network splits?' }).click();
    await dialog.getByLabel('n2').check();
    await dialog.getByText('n2 has no majority and stops its groups').waitFor();
    await dialog.getByText('n1, w has a majority and goes on').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    fixture.facade.setStatus((status) => ({
      ...status,
      nodes: status.nodes.map((node) => (node.name === 'n2' ? { ...node, state: 'lost' as const } : node)),
    }));
    await page.getByRole('button', { name: 'What if it comes back?' }).click();
    await dialog.getByRole('heading', { name: 'If n2 came back now' }).waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('two nodes are upgraded to a cluster', async () => {
    fixture.facade.setStatus((status) => ({ ...status, edition: 'ha' }));
    const { page } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'admin', PASSWORD);
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Upgrade to EterneMirrorCluster' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Upgrade to EterneMirrorCluster' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.match(fixture.facade.orders[0] ?? '', /configApply\(\{"cluster":\{"edition":"cluster"\}\}/);
    fixture.facade.setStatus((status) => ({ ...status, edition: 'cluster' }));
    await page.getByText('EterneMirrorCluster: up to 32 nodes').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Upgrade to EterneMirrorCluster' }).count(), 0);
    await page.context().close();
  });

  test('a pair without a third voter says what it would do, and is asked', async () => {
    const before = fixture.facade.status();
    const asPair = (kind: 'word' | 'availability'): void =>
      fixture.facade.setStatus((status) => ({
        ...status,
        nodes: status.nodes.filter(({ role }) => role === 'node'),
        tieBreaker: { kind, votes: true, trouble: null, heldBecause: null },
      }));
    const { page, faults } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('article').filter({ hasText: 'n2' }).waitFor();
    const card = page.getByRole('article', { name: 'If the two no longer hear each other' });
    assert.equal(await card.count(), 0, 'a witness decides');
    asPair('word');
    await card.getByText('services stand still until both are back').waitFor();
    await card.getByRole('link', { name: 'Decide what happens' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    assert.ok(await next.isDisabled(), 'a witness has to join');
    const addServer = page.getByRole('link', { name: 'Add a server' });
    assert.equal(await addServer.getAttribute('href'), '/new/server');
    await page.getByLabel('A shared disk').check();
    await page.getByLabel('The shared disk').fill('sdc');
    await page.getByText('A whole path').waitFor();
    assert.ok(await next.isDisabled());
    await page.getByLabel('Nothing: go on').check();
    await page.getByRole('note').getByText('somebody has to choose one by hand').waitFor();
    await page.getByLabel('Reference addresses').fill('10.0.0.254');
    await next.click();
    await page.getByText('create volume data').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    asPair('availability');
    await card.getByText('Either node goes on').waitFor();
    const document = {
      cluster: { tieBreaker: { kind: 'none' }, prefer: 'availability', ping: ['10.0.0.254'] },
    };
    assert.deepEqual(fixture.facade.orders, [`configApply(${JSON.stringify(document)}, "admin@127.0.0.1")`]);
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('任一节点听不到对方时都会继续运行').waitFor();
    fixture.facade.setStatus(() => before);
    await page.getByText('没有第三票').waitFor({ state: 'detached' });
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a member is left as it is, switched off, said to be off, and removed, only by its name', async () => {
    const before = fixture.facade.status();
    const n2Is = (change: object): void =>
      fixture.facade.setStatus((status) => ({
        ...status,
        nodes: status.nodes.map((node) => (node.name === 'n2' ? { ...node, ...change } : node)),
      }));
    n2Is({ state: 'online', enforcement: 'fencing' });
    const { page, faults } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'admin', PASSWORD);
    const card = page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'n2' }) });
    const dialog = page.getByRole('dialog');
    const order = async (label: string, tick?: string): Promise<void> => {
      await card.getByRole('button', { name: label, exact: true }).click();
      const give = dialog.getByRole('button', { name: label });
      if (tick !== undefined) await dialog.getByLabel(tick).check();
      if (label !== 'Maintenance' && label !== 'Make active') {
        assert.ok(await give.isDisabled(), label);
        await dialog.getByLabel('write its name: n2').fill('n2');
      }
      await give.click();
      await dialog.waitFor({ state: 'detached' });
    };
    fixture.facade.orders.length = 0;
    assert.equal(await card.getByRole('button', { name: 'It is off' }).count(), 0, 'it is heard');
    await order('Maintenance');
    await order('Switch it off');
    n2Is({ state: 'lost', mode: 'standby', enforcement: 'software' });
    await card.getByText(/feature level 1 · standby$/).waitFor();
    assert.equal(await card.getByRole('button', { name: 'Standby' }).count(), 0, 'it is in standby');
    await order('Make active');
    n2Is({ mode: 'active' });
    await card.getByRole('button', { name: 'Standby' }).waitFor();
    await order('It is off');
    await order('Remove');
    assert.equal(await card.getByRole('button', { name: 'Switch it off' }).count(), 0, 'by what?');
    const tieBreaker = { kind: 'word', votes: true, trouble: null, heldBecause: null } as const;
    fixture.facade.setStatus((status) => ({ ...status, tieBreaker, quorate: false }));
    await order('It is off', 'Go on even if it knew more');
    await order('Remove', 'It is off, and stays off');
    const by = '"admin@127.0.0.1"';
    assert.deepEqual(fixture.facade.orders, [
      `nodeMaintenance("n2", ${by})`,
      `nodeFence("n2", ${by})`,
      `nodeUnstandby("n2", ${by})`,
      `nodeConfirmStopped("n2", false, ${by})`,
      `nodeRemove("n2", false, ${by})`,
      `nodeConfirmStopped("n2", true, ${by})`,
      `nodeRemove("n2", true, ${by})`,
    ]);
    fixture.facade.setStatus(() => before);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a copy that lacks writes goes on, a group and a volume are deleted, only by their names', async () => {
    const before = fixture.facade.status();
    const { page, faults } = await visit(browser, `${fixture.url}/volumes/data`);
    await logIn(page, 'admin', PASSWORD);
    const dialog = page.getByRole('dialog');
    const order = async (label: string, name: string): Promise<void> => {
      await page.getByRole('button', { name: label }).click();
      const give = dialog.getByRole('button', { name: label });
      assert.ok(await give.isDisabled(), label);
      await dialog.getByLabel(`write its name: ${name}`).fill(name);
      await give.click();
      await dialog.waitFor({ state: 'detached' });
    };
    const copy = page.getByRole('article', { name: 'Copy on n1' });
    await copy.getByRole('button', { name: 'Rescue journal' }).waitFor();
    const served = page.getByRole('button', { name: /^(Go on with this copy|Delete)$/ });
    assert.equal(await served.count(), 0, 'a group has it');
    fixture.facade.setStatus((status) => ({
      ...status,
      groups: status.groups.map((group) => ({ ...group, desired: 'stopped', state: 'stopped', owner: null })),
      volumes: status.volumes.map((volume) => ({ ...volume, inSyncSet: ['n2'] })),
    }));
    fixture.facade.orders.length = 0;
    await order('Go on with this copy', 'data');
    await page.getByRole('link', { name: 'Groups' }).click();
    await order('Delete', 'db');
    fixture.facade.setStatus((status) => ({
      ...status,
      groups: [],
      volumes: status.volumes.map((volume) => ({ ...volume, group: null })),
    }));
    await page.getByRole('link', { name: 'Volumes' }).click();
    await page.getByRole('link', { name: 'data' }).click();
    await order('Delete', 'data');
    await page.getByRole('heading', { name: 'Volumes' }).waitFor();
    const by = '"admin@127.0.0.1"';
    assert.deepEqual(fixture.facade.orders, [
      `volumeAcceptLoss("data", "n1", ${by})`,
      `groupDelete("db", ${by})`,
      `volumeDelete("data", ${by})`,
    ]);
    fixture.facade.setStatus(() => before);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a log that is in etcd is moved back into the nodes', async () => {
    const inEtcd = (engine: 'embedded' | 'etcd', phase: 'steady' | 'moving'): void =>
      fixture.facade.setStatus((status) => ({
        ...status,
        consensus: { ...status.consensus, engine, phase },
      }));
    const { page, faults } = await visit(browser, `${fixture.url}/configuration`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('textbox', { name: 'Configuration' }).waitFor();
    const move = page.getByRole('button', { name: 'Move the log into' });
    assert.equal(await move.count(), 0, 'no etcd is configured');
    inEtcd('etcd', 'moving');
    await page.getByText('The log is being moved.').waitFor();
    assert.ok(await move.isDisabled());
    inEtcd('etcd', 'steady');
    await page.getByText('The log is kept in etcd.').waitFor();
    fixture.facade.orders.length = 0;
    await move.click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Move the log into the nodes' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(fixture.facade.orders, ['migrateLog("embedded", "admin@127.0.0.1")']);
    inEtcd('embedded', 'steady');
    await move.waitFor({ state: 'detached' });
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a viewer sees no orders', async () => {
    const { page } = await visit(browser, fixture.url);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('link', { name: 'Groups' }).click();
    await page.getByRole('button', { name: 'Why here?' }).waitFor();
    assert.equal(await page.getByRole('button', { name: /^(Drill|Move|Stop|Start)$/ }).count(), 0);
    await page.context().close();
  });

  test('Chinese for a Chinese browser, and the choice is remembered', async () => {
    const { page } = await visit(browser, fixture.url, { locale: 'zh-CN' });
    await page.getByRole('button', { name: '登录' }).waitFor();
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('link', { name: '镜像卷' }).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.reload();
    await page.getByRole('link', { name: 'Volumes' }).waitFor();
    await page.context().close();
  });

  test('every page fits a phone', async () => {
    const { page, faults } = await visit(browser, fixture.url, PHONE);
    await logIn(page, 'admin', PASSWORD);
    for (const path of PAGES) {
      await page.locator(`nav a[href="${path}"]`).click();
      await page.locator('main h1, main h2').first().waitFor();
      const overflowPx = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      assert.equal(overflowPx, 0, path);
    }
    await page.setViewportSize({ width: 390, height: 844 });
    const hiddenPx = await page.evaluate(
      "document.querySelector('nav').scrollWidth - document.querySelector('nav').clientWidth",
    );
    assert.equal(hiddenPx, 0, 'every page is in sight');
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the volume wizard asks, refuses what cannot be, and shows the plan before it acts', async () => {
    const { page, faults } = await visit(browser, fixture.url);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('link', { name: 'Volumes' }).click();
    await page.getByRole('link', { name: 'New volume' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    await page.getByLabel('Name').fill('data');
    await page.getByText('There is one of this name already.').waitFor();
    assert.ok(await next.isDisabled());
    await page.getByLabel('Name').fill('wal');
    await page.getByLabel('Size').fill('2GiB');
    await next.click();
    assert.ok(await next.isDisabled());
    for (const node of ['n1', 'n2']) {
      await page.getByRole('checkbox', { name: node }).check();
      await page.getByLabel(`Device on ${node}`).fill('/dev/sdb1');
    }
    await next.click();
    await next.click();
    await page.getByText('create volume data').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Volumes' }).waitFor();
    const document = {
      volumes: [
        {
          name: 'wal',
          size: '2GiB',
          mode: 'sync',
          initialSync: 'smart',
          replicas: { n1: '/dev/sdb1', n2: '/dev/sdb1' },
        },
      ],
    };
    assert.deepEqual(fixture.facade.orders, [`configApply(${JSON.stringify(document)}, "admin@127.0.0.1")`]);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the volume wizard makes a volume of several disks', async () => {
    const { page, faults } = await visit(browser, `${fixture.url}/new/volume`);
    await logIn(page, 'admin', PASSWORD);
    const next = page.getByRole('button', { name: 'Next' });
    await page.getByLabel('Name').fill('db');
    await page.getByLabel(/^Several disks/).check();
    await page.getByLabel('Name of disk 2').fill('data');
    await page.getByText('There is a disk of this name already.').waitFor();
    assert.ok(await next.isDisabled());
    await page.getByLabel('Name of disk 2').fill('log');
    await page.getByLabel('Size of disk 2').fill('2GiB');
    await next.click();
    for (const node of ['n1', 'n2']) {
      await page.getByRole('checkbox', { name: node }).check();
      await page.getByLabel(`Device of data on ${node}`).fill('/dev/sdb');
      assert.ok(await next.isDisabled());
      await page.getByLabel(`Device of log on ${node}`).fill('/dev/sdc');
    }
    await next.click();
    await next.click();
    await page.getByText('create volume data').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Volumes' }).waitFor();
    const parts = [
      { name: 'data', size: '10GiB', replicas: { n1: '/dev/sdb', n2: '/dev/sdb' } },
      { name: 'log', size: '2GiB', replicas: { n1: '/dev/sdc', n2: '/dev/sdc' } },
    ];
    const document = { volumes: [{ name: 'db', mode: 'sync', initialSync: 'smart', parts }] };
    assert.deepEqual(fixture.facade.orders, [`configApply(${JSON.stringify(document)}, "admin@127.0.0.1")`]);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a volume with parts shows them, in both languages', async () => {
    const before = fixture.facade.status();
    const parts = [
      { name: 'tables', sizeBytes: 768 * 2 ** 20 },
      { name: 'log', sizeBytes: 256 * 2 ** 20 },
    ];
    fixture.facade.setStatus((status) => ({
      ...status,
      volumes: status.volumes.map((volume) => ({ ...volume, parts })),
    }));
    const { page, faults } = await visit(browser, `${fixture.url}/volumes`);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByText('tables 768 MiB, log 256 MiB').waitFor();
    await page.getByText('Parts', { exact: true }).waitFor();
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('组成部分').waitFor();
    fixture.facade.setStatus(() => before);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('a volume on shared devices shows each of them, in both languages', async () => {
    const before = fixture.facade.status();
    const devices = [
      { name: 'left', disk: 'UpToDate', dirtyBytes: 0, splitBrain: false },
      { name: 'right', disk: 'Attaching', dirtyBytes: 3 * 2 ** 20, splitBrain: false },
    ] as const;
    fixture.facade.setStatus((status) => ({
      ...status,
      volumes: status.volumes.map((volume) => ({ ...volume, devices, inSyncSet: ['left'] })),
    }));
    const { page, faults } = await visit(browser, `${fixture.url}/volumes`);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByText('left up to date').waitFor();
    await page.getByText('3 MiB', { exact: true }).waitFor();
    await page.getByText('Devices', { exact: true }).waitFor();
    assert.equal(await page.getByText('not in sync', { exact: true }).count(), 0, 'nodes are no copies');
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByText('left 最新').waitFor();
    fixture.facade.setStatus(() => before);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the service wizard makes a group of disk, file system, address and program', async () => {
    fixture.facade.setStatus((status) => ({
      ...status,
      volumes: status.volumes.flatMap((volume) => [volume, { ...volume, name: 'spare', group: null }]),
    }));
    const { page, faults } = await visit(browser, `${fixture.url}/groups`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('link', { name: 'Protect a service' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    await page.getByLabel('Name').fill('shop');
    await page.getByLabel('It moves back by itself').check();
    await page.getByLabel('Only between').fill('two to four');
    await page.getByText('Such as 02:00-04:00.').waitFor();
    assert.ok(await next.isDisabled(), 'that is no window');
    await page.getByLabel('Only between').fill('02:00-04:00');
    await next.click();
    await page.getByLabel('Its mirrored volume').selectOption('spare');
    await page.getByLabel('Mounted at').fill('/srv/shop');
    await next.click();
    await page.getByLabel('Its floating address').fill('10.0.0.100');
    assert.ok(await next.isDisabled(), 'an address has a prefix length');
    await page.getByLabel('Its floating address').fill('10.0.0.100/24');
    await next.click();
    await page.getByLabel('Command', { exact: true }).fill('/opt/shop/server --name "two words"');
    await page.getByLabel('Working directory').fill('/srv/shop');
    await page.getByLabel('Environment').fill('PORT=80');
    await page.getByLabel('It answers HTTP').check();
    await page.getByLabel('URL').fill('http://10.0.0.100/');
    await page.getByLabel('A command says so').check();
    await page.getByLabel('Command of the check').fill('/opt/shop/check --quick');
    await next.click();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Groups' }).waitFor();
    const [order = ''] = fixture.facade.orders;
    const resources = [
      { name: 'disk', type: 'mirror', volume: 'spare', attach: 'auto' },
      {
        name: 'files',
        type: 'filesystem',
        device: '${disk.device}',
        directory: '/srv/shop',
        fstype: 'ext4',
        format: 'if-blank',
      },
      { name: 'address', type: 'ip', address: '10.0.0.100/24', interfaces: ['eth0'] },
      {
        name: 'program',
        type: 'app',
        command: ['/opt/shop/server', '--name', 'two words'],
        directory: '/srv/shop',
        env: { PORT: '80' },
        check: { quick: { command: ['/opt/shop/check', '--quick'] } },
      },
    ];
    const failback = { enabled: true, window: '02:00-04:00' };
    const group = { name: 'shop', nodes: ['n1', 'n2'], failback, resources };
    assert.equal(order, `configApply(${JSON.stringify({ groups: [group] })}, "admin@127.0.0.1")`);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the fencing wizard asks for a device, refuses what proves nothing, and keeps the others', async () => {
    const [agent, params] = ['fence_ipmilan', { ip: '10.0.9.2', username: 'admin', password: 'horse' }];
    const end = planAsReal({ cluster: { fencing: [{ node: 'n2', agent, params }] } });
    const { page, faults } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'admin', PASSWORD);
    const card = page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'n2' }) });
    await card.getByText('it ends its services by itself; nothing else would').waitFor();
    await card.getByRole('link', { name: 'Fencing' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    await page.getByText('Level 1: fence_ipmilan 10.0.9.2').waitFor();
    await page.getByLabel('Something else').check();
    await next.click();
    await page.getByLabel(/^Agent/).fill('fence_scsi');
    await page.getByText('That is no proof').waitFor();
    assert.ok(await next.isDisabled());
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByLabel('A power strip of APC').check();
    await next.click();
    await page.getByLabel('Address of the power strip').fill('10.0.1.2');
    await page.getByText('That is the node itself.').waitFor();
    await page.getByLabel('Address of the power strip').fill('10.0.9.9');
    assert.ok(await next.isDisabled(), 'which outlet?');
    await page.getByLabel('Outlet').fill('7');
    await page.getByLabel('SNMP community').fill('staple');
    await next.click();
    await page.getByLabel('Together with fence_ipmilan 10.0.9.2').check();
    await page.getByLabel('It stays off').check();
    await next.click();
    await page.getByText('Change fencing of the cluster.').waitFor();
    await page.getByText('community: <secret>').first().waitFor();
    assert.equal(await page.getByText('staple').count(), 0);
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Nodes' }).waitFor();
    const [kept, added] = (applied() as { cluster: { fencing: object[] } }).cluster.fencing;
    assert.deepEqual(kept && { ...kept, params: null }, {
      node: 'n2',
      agent,
      params: null,
      level: 1,
      action: 'reboot',
      retries: 1,
      timeout: '60000ms',
    });
    assert.deepEqual(added, {
      node: 'n2',
      agent: 'fence_apc_snmp',
      level: 1,
      action: 'off',
      params: { ip: '10.0.9.9', plug: '7', community: 'staple' },
    });
    end();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the wizard for rules between groups refuses what could never be met, and keeps the rest', async () => {
    const resources = [{ name: 'program', type: 'app', command: ['/bin/true'] }];
    const groups = [
      { name: 'db', nodes: ['n1', 'n2'], resources },
      { name: 'web', nodes: ['n1', 'n2'], after: ['db'], resources },
      { name: 'report', nodes: ['n2'], resources },
      { name: 'home', nodes: ['n1'], resources },
    ];
    const end = planAsReal({ groups });
    const before = fixture.facade.status();
    fixture.facade.setStatus((status) => ({
      ...status,
      groups: status.groups.flatMap((group) => groups.map(({ name }) => Object.assign({}, group, { name }))),
    }));
    const { page, faults } = await visit(browser, `${fixture.url}/groups`);
    await logIn(page, 'admin', PASSWORD);
    const card = page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'db' }) });
    await card.getByRole('link', { name: 'Rules' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    const company = (group: string) => page.getByRole('group', { name: group }).getByRole('combobox');
    assert.ok(await company('web').isDisabled());
    await page.getByText('Rules may not go round in a circle.').waitFor();
    await company('report').selectOption('with');
    await company('home').selectOption('with');
    await page.getByText('No node may run db and everything').first().waitFor();
    assert.ok(await next.isDisabled());
    await company('home').selectOption({ label: 'apart, never on one node' });
    await page.getByLabel('Started only while home is online').check();
    await next.click();
    await page.getByText('Change group db.').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Groups' }).waitFor();
    const [db] = (applied() as { groups: Record<string, unknown>[] }).groups;
    const { name, nodes, with: near, apart, after: later } = db ?? {};
    assert.deepEqual([name, nodes, near, apart, later], ['db', ['n1', 'n2'], ['report'], ['home'], ['home']]);
    end();
    fixture.facade.setStatus(() => before);
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the wizard for heartbeat disks asks for a path on each node, and says who has to reach it', async () => {
    const end = planAsReal({ cluster: { heartbeatDisks: ['/dev/sdp'] } });
    const { page, faults } = await visit(browser, `${fixture.url}/nodes`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('link', { name: 'Heartbeat disks' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    assert.ok(await next.isDisabled());
    await page.getByLabel('The disk').fill('/dev/sdp');
    await page.getByText('That is in use already').waitFor();
    await page.getByLabel('By a path of its own on each node').check();
    await page.getByLabel('Device on n2').fill('/dev/sdq');
    await page.getByText('You are connected to this node').waitFor();
    assert.ok(await next.isDisabled());
    await page.getByLabel('Device on n1').fill('/dev/sdz');
    await page.getByLabel('/dev/sdp').uncheck();
    await next.click();
    await page.getByText('Change heartbeatDisks of the cluster.').waitFor();
    await page.getByText('- /dev/sdp').waitFor();
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'Nodes' }).waitFor();
    assert.deepEqual(applied(), { cluster: { heartbeatDisks: [{ n1: '/dev/sdz', n2: '/dev/sdq' }] } });
    end();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the wizard for exports asks where and who, refuses what is taken, and shows no password', async () => {
    const replicas = { n1: '/srv/data.img', n2: '/srv/data.img' };
    const exports = [{ nbd: { listen: '127.0.0.1:10809' } }];
    const end = planAsReal({ volumes: [{ name: 'data', size: '1GiB', replicas, exports }] });
    const { page, faults } = await visit(browser, `${fixture.url}/volumes/data`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByRole('link', { name: 'Exports' }).click();
    const next = page.getByRole('button', { name: 'Next' });
    await page.getByLabel('NBD 127.0.0.1:10809').uncheck();
    await next.click();
    await page.getByLabel('Port').fill('8443');
    await page.getByText('In use already').waitFor();
    assert.ok(await next.isDisabled());
    await page.getByLabel('On one address of each node').check();
    await page.getByLabel('Address on n2').fill('10.9.0.2:3260');
    await page.getByLabel('Address on n1').fill('10.9.0.1:3260');
    await next.click();
    assert.ok(await next.isDisabled(), 'a password is needed');
    await page.getByLabel('Name of the target').fill('Data');
    await page.getByText('Such as iqn.').waitFor();
    await page.getByLabel('Name of the target').fill('iqn.2026-11.com.example:data');
    await page.getByRole('textbox', { name: 'Password' }).fill('horse battery');
    await next.click();
    await page.getByText('Change volume data.').waitFor();
    await page.getByText('password: <secret>').first().waitFor();
    assert.equal(await page.getByText('horse battery').count(), 0);
    fixture.facade.orders.length = 0;
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByRole('heading', { name: 'data' }).waitFor();
    const [volume] = (applied() as { volumes: Record<string, unknown>[] }).volumes;
    const listen = { n1: '10.9.0.1:3260', n2: '10.9.0.2:3260' };
    const chap = { user: 'data', password: 'horse battery' };
    assert.deepEqual(volume?.['exports'], [{ iscsi: { listen, iqn: 'iqn.2026-11.com.example:data', chap } }]);
    assert.deepEqual(volume?.['replicas'], replicas);
    end();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  test('the wizards that change what is there fit a phone, and end in what changes, in both languages', async () => {
    const resources = [{ name: 'program', type: 'app', command: ['/bin/true'] }];
    const end = planAsReal({
      cluster: { heartbeatDisks: ['/dev/disk/by-id/scsi-360000000000000000e00000000010001'] },
      volumes: [{ name: 'data', size: '1GiB', replicas: { n1: '/srv/a', n2: '/srv/a' }, exports: [] }],
      groups: ['db', 'web'].map((name) => ({ name, nodes: ['n1', 'n2'], resources })),
    });
    for (const locale of ['en-US', 'zh-CN']) {
      const { page, faults } = await visit(browser, fixture.url, { ...PHONE, locale });
      await logIn(page, 'admin', PASSWORD);
      await page.locator('main h2').first().waitFor();
      const next = page.locator('.wizard-actions .primary');
      const isFitting = async (what: string): Promise<void> => {
        const overflowPx = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        assert.equal(overflowPx, 0, `${what}, ${locale}`);
      };
      const answers: Readonly<Record<string, readonly (readonly string[])[]>> = {
        '/nodes/n1/fencing': [[], ['10.0.9.1', 'admin', 'horse'], []],
        '/groups/db/rules': [[]],
        '/new/heartbeat-disk': [['/dev/disk/by-id/scsi-360000000000000000e00000000010002']],
        '/volumes/data/exports': [[], ['3260'], ['iqn.2026-11.io.eterne:data', 'app', 'horse']],
      };
      for (const [path, pages] of Object.entries(answers)) {
        await page.goto(`${fixture.url}${path}`);
        for (const texts of pages) {
          await next.waitFor();
          const fields = page.locator('.wizard-page input:not([type=radio], [type=checkbox])');
          for (const [at, text] of texts.entries()) await fields.nth(at).fill(text);
          await isFitting(path);
          if (path.endsWith('rules')) await page.getByRole('combobox').selectOption('apart');
          await next.click();
        }
        await page.locator('.diff .added').first().waitFor();
        await isFitting(`the end of ${path}`);
      }
      assert.deepEqual(faults, []);
      await page.context().close();
    }
    end();
  });

  test('adding a server gives the command with a token that works', async () => {
    const { page } = await visit(browser, `${fixture.url}/new/server`);
    await logIn(page, 'admin', PASSWORD);
    await page.getByLabel('Name').fill('n3');
    await page.getByLabel('Its addresses').fill('10.0.1.9');
    await page.getByRole('button', { name: 'Make the token' }).click();
    const command = page.getByText(
      /cluster join --node n3 --address 10\.0\.1\.9 --api 10\.0\.1\.9:8443 --token eterne-join-1/,
    );
    await command.waitFor();
    await page.context().close();
  });

  test('a document is checked before it can be applied, and what is wrong is said', async () => {
    const { page } = await visit(browser, `${fixture.url}/configuration`);
    await logIn(page, 'admin', PASSWORD);
    const editor = page.getByLabel('Configuration');
    await editor.fill('nonsense: 1');
    assert.ok(await page.getByRole('button', { name: 'Do it' }).isDisabled());
    await page.getByRole('button', { name: 'What would this do?' }).click();
    await page.getByText('nonsense: unknown key').waitFor();
    await editor.fill('volumes: [');
    await page.getByRole('button', { name: 'What would this do?' }).click();
    await page.getByRole('alert').getByText('line 1').waitFor();
    await editor.fill('volumes: []');
    await page.getByRole('button', { name: 'What would this do?' }).click();
    await page.getByRole('button', { name: 'Do it' }).click();
    await page.getByText('Done.').waitFor();
    await page.context().close();
  });

  test('an account is made, gets a token, and is removed', async () => {
    const { page } = await visit(browser, `${fixture.url}/accounts`);
    await logIn(page, 'admin', PASSWORD);
    const form = page.getByRole('form', { name: 'New account' });
    await form.getByLabel('Name').fill('wang');
    await form.getByLabel('Password').fill('long enough to be one');
    await form.getByRole('button', { name: 'Create' }).click();
    const card = page.locator('article', { has: page.getByRole('heading', { name: 'wang' }) });
    await card.getByRole('button', { name: 'New token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/^eterne-api-1\./).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await card.getByRole('button', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await card.waitFor({ state: 'detached' });
    await page.context().close();
  });

  test('only an administrator finds what changes the cluster', async () => {
    const { page } = await visit(browser, `${fixture.url}/new/volume`);
    await logIn(page, 'operator', PASSWORD);
    await page.getByRole('heading', { name: 'Everything runs' }).waitFor();
    await page.getByRole('link', { name: 'Volumes' }).click();
    assert.equal(await page.getByRole('link', { name: 'New volume' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'Accounts' }).count(), 0);
    await page.context().close();
  });

  // Last: it stops the server.
  test('when the node goes away the page says so and names the others', async () => {
    const { page } = await visit(browser, fixture.url);
    await logIn(page, 'viewer', PASSWORD);
    await page.getByRole('heading', { name: 'Everything runs' }).waitFor();
    await fixture.close();
    const alert = page.getByRole('alert');
    await alert.getByText('The connection to n1 is lost').waitFor();
    assert.equal(
      await alert.getByRole('link', { name: 'n2' }).getAttribute('href'),
      'https://10.0.1.2:8443/',
    );
    await page.context().close();
  });
});
