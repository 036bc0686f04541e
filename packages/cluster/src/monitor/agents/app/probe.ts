/** One look at a program from outside: a command that exits 0, an HTTP answer below 400, a TCP port that accepts. */
import { EterneError } from '@eterne/base';
import type { Stream } from '@eterne/runtime';
import { RUNNING, type CheckResult, type Hands } from '../agent.ts';
import { runAs } from '../command.ts';
import type { AppCheck, AppParams } from './params.ts';

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3}) /;
const STATUS_LINE_BYTES_MAX = 512;

type Done = (result: CheckResult) => void;

/** `env` is the program's own environment, which a check command shares. */
export function probeApp(
  hands: Hands,
  params: AppParams,
  env: Readonly<Record<string, string>>,
  check: AppCheck,
  done: Done,
): void {
  const { probe, timeoutMs } = check;
  switch (probe.kind) {
    case 'command':
      return probeByCommand(hands, params, env, probe.command, timeoutMs, done);
    case 'tcp':
      return connect(hands, probe.address, timeoutMs, done, (stream) => {
        stream.destroy();
        done(RUNNING);
      });
    case 'http':
      return connect(hands, probe.address, timeoutMs, done, (stream) =>
        askHttp(hands, stream, probe.host, probe.path, timeoutMs, done),
      );
  }
}

const failure = (reason: string): CheckResult => ({ state: 'failed', reason });

function probeByCommand(
  hands: Hands,
  params: AppParams,
  env: Readonly<Record<string, string>>,
  command: readonly [string, ...string[]],
  timeoutMs: number,
  done: Done,
): void {
  const { as, directory } = params;
  runAs(hands, as, { command, env, directory, timeoutMs }, ({ failure: said }) =>
    done(said === '' ? RUNNING : failure(`check command ${said}`)),
  );
}

function connect(
  hands: Hands,
  address: string,
  timeoutMs: number,
  done: Done,
  use: (stream: Stream) => void,
): void {
  hands.world.network.connect(address, { timeoutMs }, (stream) => {
    if (stream instanceof EterneError) return done(failure(stream.message));
    use(stream);
  });
}

function askHttp(
  hands: Hands,
  stream: Stream,
  host: string,
  path: string,
  timeoutMs: number,
  done: Done,
): void {
  let answer = '';
  let settled = false;
  const settle = (result: CheckResult): void => {
    if (settled) return;
    settled = true;
    timer.cancel();
    stream.destroy();
    done(result);
  };
  const timer = hands.world.timers.after(timeoutMs, () =>
    settle(failure(`no HTTP answer within ${timeoutMs} ms`)),
  );
  stream.start({
    onData(chunk) {
      answer += chunk.toString('latin1', 0, STATUS_LINE_BYTES_MAX);
      const status = STATUS_LINE.exec(answer)?.[1];
      if (status !== undefined)
        return settle(Number(status) < 400 ? RUNNING : failure(`HTTP status ${status}`));
      if (answer.length > STATUS_LINE_BYTES_MAX) settle(failure('the answer is not HTTP'));
    },
    onDrain: () => {},
    onClose: () => settle(failure('the connection was closed without an HTTP answer')),
  });
  stream.write(Buffer.from(`GET ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`));
}
