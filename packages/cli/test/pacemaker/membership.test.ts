import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VolumeStatus } from '@eterne/disk/engine/api.ts';
import { parseMembership, whyNotYet } from '../../src/pacemaker/membership.ts';
import { scoreOf, standingOf } from '../../src/pacemaker/standing.ts';

/** As crm_mon 2.1.5 prints it. */
const document = (
  quorum: string,
  b: string,
): string => `<pacemaker-result api-version="2.25" request="crm_mon">
  <summary>
    <current_dc present="true" version="2.1.5" name="a" id="1" with_quorum="${quorum}" mixed_version="false"/>
  </summary>
  <nodes>
    <node name="a" id="1" online="true" standby="false" pending="false" unclean="false" type="member"/>
    <node name="b" id="2" ${b} type="member"/>
  </nodes>
</pacemaker-result>`;

const verdict = (quorum: string, b: string): string | undefined =>
  whyNotYet(parseMembership(document(quorum, b)), ['b']);

test('a loss may be marked once the lost node is a member or cleanly down', () => {
  assert.equal(verdict('true', 'online="true" unclean="false"'), undefined);
  assert.equal(verdict('true', 'online="false" unclean="false"'), undefined);
});

test('not while it is unclean, nor without quorum, nor for a node that nobody knows', () => {
  assert.match(verdict('true', 'online="false" unclean="true"') ?? '', /not fenced yet/);
  assert.match(verdict('true', 'online="false"') ?? '', /not fenced yet/);
  assert.match(verdict('false', 'online="false" unclean="false"') ?? '', /no quorum/);
  assert.match(whyNotYet(parseMembership(document('true', '')), ['b']) ?? '', /no node/);
  assert.match(whyNotYet(parseMembership('not XML at all'), ['b']) ?? '', /no quorum/);
});

test('only a replica that may be the newest gets a score', () => {
  const standing = (role: 'primary' | 'secondary', disk: VolumeStatus['disk']) =>
    standingOf({ role, disk } as VolumeStatus);
  assert.equal(scoreOf(standing('primary', 'UpToDate'), true), 10_000);
  assert.equal(scoreOf(standing('secondary', 'UpToDate'), false), 1_000);
  assert.equal(scoreOf(standing('secondary', 'Consistent'), false), 100);
  assert.equal(scoreOf(standing('secondary', 'Consistent'), true), null);
  for (const disk of ['Outdated', 'Inconsistent', 'Failed', 'Diskless', 'Attaching'] as const)
    assert.equal(scoreOf(standing('secondary', disk), false), null, disk);
});
