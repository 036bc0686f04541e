import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveFeed } from '../../src/api/live-feed.ts';
import { createFakeFacade } from './fake-facade.ts';

function setUp(lastEventId = 0) {
  const facade = createFakeFacade();
  const written: string[] = [];
  const state = { room: true, closed: false };
  const sink = {
    write(text: string) {
      written.push(text);
      return state.room;
    },
    close() {
      state.closed = true;
    },
  };
  const feed = new LiveFeed(facade, sink, lastEventId);
  facade.subscribe(() => feed.changed());
  return { facade, feed, written, state };
}

const event = (message: string) => ({ atMs: 1, level: 'info' as const, code: 'test', message });
const idsIn = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));

test('the first message holds the status and every event asked for; later ones only what is new', () => {
  const { facade, feed, written } = setUp(1);
  for (const message of ['one', 'two']) facade.addEvent(event(message));
  written.length = 0;
  feed.changed();
  assert.deepEqual(written, []);
  facade.setStatus((status) => ({ ...status, quorate: false }));
  facade.addEvent(event('three'));
  assert.match(written[0] ?? '', /^event: status\ndata: \{.*"quorate":false.*\}\n\n$/);
  assert.deepEqual(idsIn(written[1] ?? ''), [3]);
});

test('a reader that resumes misses nothing', () => {
  const { facade, feed, written } = setUp(2);
  for (const message of ['one', 'two', 'three', 'four']) facade.addEvent(event(message));
  feed.changed();
  assert.deepEqual(idsIn(written.join('')), [3, 4]);
});

test('nothing is written to a full socket; afterwards comes the newest state and every event since', () => {
  const { facade, feed, written, state } = setUp();
  state.room = false;
  feed.changed();
  const before = written.length;
  for (let at = 0; at < 50; at += 1) facade.addEvent(event(String(at)));
  facade.setStatus((status) => ({ ...status, leader: 'n2' }));
  assert.equal(written.length, before);
  state.room = true;
  feed.drained();
  const text = written.at(-1) ?? '';
  assert.equal(idsIn(text).length, 50);
  assert.match(text, /"leader":"n2"/);
});

test('who reads nothing between two beats is cut off; who reads hears a beat', () => {
  const { feed, written, state } = setUp();
  feed.changed();
  feed.beat();
  assert.equal(written.at(-1), 'event: beat\ndata: {}\n\n');
  state.room = false;
  feed.beat();
  feed.beat();
  assert.equal(state.closed, false);
  feed.beat();
  assert.equal(state.closed, true);
});

test('a line break in an event cannot forge another message', () => {
  const { facade, written } = setUp();
  facade.addEvent(event('x\n\nid: 99\nevent: status\ndata: {}'));
  assert.deepEqual(idsIn(written.join('')), [1]);
});
