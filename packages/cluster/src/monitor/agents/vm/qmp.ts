/**
 * One question to a running QEMU over its QMP socket (QEMU Machine Protocol: a greeting, `qmp_capabilities`, then one JSON object a line each way; events
 * may stand between).
 */
import { EterneError } from '@eterne/base';
import type { Stream } from '@eterne/runtime';
import type { Hands } from '../agent.ts';

const ANSWER_BYTES_MAX = 64 * 1024;

export type QmpCommand = 'query-status' | 'system_powerdown' | 'quit';
type Done = (answer: Readonly<Record<string, unknown>> | EterneError) => void;

export function askQmp(
  hands: Hands,
  socket: string,
  command: QmpCommand,
  timeoutMs: number,
  done: Done,
): void {
  hands.world.network.connect(`unix:${socket}`, { timeoutMs }, (stream) => {
    if (stream instanceof EterneError) return done(stream);
    converse(hands, stream, ['qmp_capabilities', command], timeoutMs, done);
  });
}

function converse(
  hands: Hands,
  stream: Stream,
  commands: readonly string[],
  timeoutMs: number,
  done: Done,
): void {
  let text = '';
  let waiting = commands;
  let settled = false;
  const settle = (answer: Readonly<Record<string, unknown>> | EterneError): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    stream.destroy();
    done(answer);
  };
  const fail = (what: string): void => settle(new EterneError('protocol', `QEMU: ${what}`));
  const timer = hands.world.timers.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
  const send = (): void => void stream.write(Buffer.from(`${JSON.stringify({ execute: waiting[0] })}\n`));
  const take = (line: string): void => {
    const message = parse(line);
    if (message === undefined) return fail('not JSON');
    if ('QMP' in message) return send();
    if ('error' in message) return fail(JSON.stringify(message['error']));
    if (!('return' in message)) return;
    waiting = waiting.slice(1);
    if (waiting.length > 0) return send();
    const answer = message['return'];
    settle(typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {});
  };
  stream.start({
    onData(chunk) {
      text += chunk.toString('utf8');
      if (text.length > ANSWER_BYTES_MAX) return fail('its answer is too long');
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') take(line);
    },
    onDrain: () => {},
    // After `quit` it may be gone before it has answered.
    onClose: () => (waiting[0] === 'quit' ? settle({}) : fail('it closed the connection')),
  });
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
