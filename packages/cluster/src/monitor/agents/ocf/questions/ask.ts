/**
 * Puts an agent's question to the daemons of its node, and says what they know.
 *
 * 1. An answer comes within `ANSWER_TIMEOUT_MS`, whatever hangs: an agent's own time must not be used up by it.
 * 2. Of what this node owns the monitor is asked: the service hears of it later. The rest is the service's.
 * 3. What needs a majority waits for one within that time (leaders change), and is refused without one.
 */
import type { EterneError } from '@eterne/base';
import type { World } from '@eterne/runtime';
import type { ResourceReport } from '../../../../ports.ts';
import { socketAddress } from '../../../../node/layout.ts';
import { LinkClient, type LinkWorld } from '../../../../node/link.ts';
import { PICTURE_CALL, REPORTS_CALL, type Picture } from '../../../../node/picture.ts';
import { EXIT_DISCONNECTED, failed, type Answer, type Asker, type Question } from './question.ts';
import { readQuestion } from './read.ts';

export const ANSWER_TIMEOUT_MS = 3000;
const AGAIN_AFTER_MS = 100;

export type AskWorld = LinkWorld & Pick<World, 'clock'>;

export interface Asked {
  readonly dir: string;
  readonly tool: string;
  readonly args: readonly string[];
  readonly asker: Asker;
}

export function ask(
  world: AskWorld,
  { dir, tool, args, asker }: Asked,
  done: (answer: Answer) => void,
): void {
  const question = readQuestion(tool, args, asker);
  if ('code' in question) return world.timers.soon(() => done(question));
  const deadlineMs = world.clock.bootMs() + ANSWER_TIMEOUT_MS;
  const leftMs = (): number => Math.max(1, deadlineMs - world.clock.bootMs());
  const [service, monitor] = [open(world, dir, 'service'), open(world, dir, 'monitor')];
  const end = (answer: Answer): void => {
    service.close();
    monitor.close();
    done(answer);
  };
  const lost = (sentence: string): void =>
    end(failed(EXIT_DISCONNECTED, `${tool}: ${sentence}: not connected`));
  const look = (): void =>
    service.call(PICTURE_CALL, {}, leftMs(), (picture, error) => {
      if (error) return lost(sentenceOf(error));
      const told = picture as Picture;
      if (isEnough(question, told)) return withReports(told);
      if (leftMs() <= AGAIN_AFTER_MS) return lost(`${told.node} is not in contact with a majority`);
      world.timers.after(AGAIN_AFTER_MS, look);
    });
  const withReports = (picture: Picture): void => {
    if (!question.needsQuorum) return end(question.answer(picture));
    monitor.call(REPORTS_CALL, { call: REPORTS_CALL }, leftMs(), (reports, error) => {
      if (error) return lost(sentenceOf(error));
      end(question.answer(overlaid(picture, reports as readonly ResourceReport[])));
    });
  };
  look();
}

function open(world: LinkWorld, dir: string, daemon: 'service' | 'monitor'): LinkClient {
  const link = new LinkClient(world, socketAddress(dir, daemon), {
    onUp: () => {},
    onDown: () => {},
    onNote: () => {},
  });
  link.open();
  return link;
}

const sentenceOf = ({ message }: EterneError): string => message;

function isEnough({ needsQuorum }: Question, { isCurrent, isQuorate }: Picture): boolean {
  return !needsQuorum || (isCurrent && isQuorate);
}

function overlaid(picture: Picture, reports: readonly ResourceReport[]): Picture {
  const resources = picture.resources.map((one) => {
    if (one.owner !== picture.node) return one;
    const report = reports.find(({ group, resource }) => group === one.group && resource === one.name);
    return { ...one, state: report?.state ?? 'stopped' } as const;
  });
  return { ...picture, resources };
}
