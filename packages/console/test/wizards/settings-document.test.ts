import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VOLUME_ENTRY } from '../../../cluster/test/api/fake-volume.ts';
import { answersOf, entryOf, settingsDocument } from '../../src/parts/volume/settings-document.ts';

test('an entry that nobody changes comes back as it was', () => {
  const entry = entryOf({ volumes: [VOLUME_ENTRY] }, 'data');
  assert.ok(entry);
  const answers = answersOf(entry);
  assert.deepEqual([answers.size, answers.resyncMin, answers.rescueMax], ['1GiB', '4MiB', '']);
  assert.deepEqual(settingsDocument(entry, answers), {
    volumes: [
      {
        ...VOLUME_ENTRY,
        size: '1GiB',
        resyncRate: { min: '4MiB', max: '1GiB' },
        congestion: { queue: '64MiB', policy: 'slow' },
      },
    ],
  });
});

test('of a volume with parts the last one grows, and the others stay as they are', () => {
  const part = (name: string) => ({ name, size: 2 ** 30, replicas: { n1: `/srv/${name}` }, exports: [] });
  const { size: _, replicas: __, exports: ___, ...rest } = VOLUME_ENTRY;
  const entry = { ...rest, parts: [part('data'), part('log')] };
  const answers = answersOf(entry);
  assert.equal(answers.size, '1GiB');
  const [changed] = settingsDocument(entry, { ...answers, size: '2GiB' }).volumes;
  assert.deepEqual(changed['parts'], [part('data'), { ...part('log'), size: '2GiB' }]);
  assert.equal('size' in changed, false);
});

test('who gives way in a split brain, and who lets a copy go on that may lack writes', () => {
  const splitBrain = {
    zeroPrimaries: 'discard-zero-changes',
    onePrimary: 'discard-remote',
    twoPrimaries: 'disconnect',
  };
  const [sync] = settingsDocument(VOLUME_ENTRY, { ...answersOf(VOLUME_ENTRY), ...splitBrain }).volumes;
  assert.deepEqual(sync['splitBrain'], splitBrain);
  assert.equal('asyncTakeover' in sync, false, 'a synchronous volume is not asked');
  const lagging = { ...VOLUME_ENTRY, mode: 'async', asyncTakeover: 'auto' };
  const answers = answersOf({ ...lagging, splitBrain });
  assert.deepEqual([answers.onePrimary, answers.asyncTakeover], ['discard-remote', 'auto']);
  const [async] = settingsDocument(lagging, { ...answers, asyncTakeover: 'operator' }).volumes;
  assert.deepEqual([async['splitBrain'], async['asyncTakeover']], [splitBrain, 'operator']);
});

test('a schedule and a rescue journal come and go', () => {
  const answers = { ...answersOf(VOLUME_ENTRY), schedule: ' 0 3 * * 6 ', repair: true, rescueMax: '1GiB' };
  const [entry] = settingsDocument(VOLUME_ENTRY, answers).volumes;
  assert.deepEqual(entry['verify'], { schedule: '0 3 * * 6', repair: true });
  assert.deepEqual(entry['rescueJournal'], { max: '1GiB', whenFull: 'pause' });
  const again = answersOf({
    ...entry,
    rescueJournal: { max: 2 ** 30, whenFull: 'drop-oldest', path: '/srv/v.rescue' },
  });
  assert.deepEqual([again.schedule, again.rescueMax], ['0 3 * * 6', '1GiB']);
  const [gone] = settingsDocument(entry, { ...again, schedule: '', rescueMax: '' }).volumes;
  assert.equal(gone['verify'], undefined);
  assert.deepEqual(gone['rescueJournal'], { whenFull: 'off' });
});
