/**
 * `ip`: a floating address.
 *
 *   address: 10.20.0.100/24
 *   interfaces: [eth0, eth1]      in order of preference: the first whose link is up carries it, without any the first that is there
 *
 * Added without duplicate address detection (the cluster decides who has it), and announced by gratuitous ARP or unsolicited
 * neighbour advertisement at once and twice again. Before it is taken away the kernel is told to keep the other addresses of its network (`promote_secondaries`), which it would
 * take away, too, where this one came first: the node's own among them. The quick check looks at address and link: a lost address is a failure, and a dead link where
 * another interface works; the restart in place repairs both. While none works the address stays: whether the group leaves for it is what `watch.link` says,
 * a node where it can be reached no better gains nothing, and it is announced again when the link is back.
 */
import { EterneError } from '@eterne/base';
import { failed, RUNNING, succeeded, type Agent, type Hands, type Started } from '../agent.ts';
import { runCommand, type Command } from '../command.ts';
import { parseIp, type IpAddress } from './address.ts';
import { announcement } from './announcement.ts';
import { isUp, readLinks, type LinkRow, type LinksDone } from './links.ts';

const CHECK_INTERVAL_MS = 1000;
/** A machine that is short of memory may take long to run a program: no reason to take an address away that is there. */
const CHECK_TIMEOUT_MS = 5000;
const ABANDON_TIMEOUT_MS = 1000;
const INTERFACE = /^[a-zA-Z0-9._@-]{1,15}$/;
const ANNOUNCE_AGAIN_MS = [0, 500, 2000];

export interface IpParams {
  readonly host: string;
  readonly ip: IpAddress;
  readonly prefix: number;
  readonly interfaces: readonly string[];
}

export const ipAgent: Agent<IpParams> = {
  type: 'ip',
  parse(fields) {
    const address = parseAddress(fields.text('address'));
    const interfaces = fields.texts('interfaces');
    if (interfaces.length === 0 || !interfaces.every((name) => INTERFACE.test(name)))
      throw new EterneError('config', 'interfaces names at least one network interface');
    return { ...address, interfaces };
  },
  start(hands, { params }, timeoutMs, done) {
    const deadlineMs = hands.world.clock.bootMs() + timeoutMs;
    dropEverywhere(hands, params, deadlineMs, () =>
      best(hands, params.interfaces, deadlineMs, (chosen) => {
        if (chosen === undefined)
          return done(failed(`there is no interface ${params.interfaces.join(', ')}`));
        add(hands, params, chosen.ifname, leftMs(hands, deadlineMs), done);
      }),
    );
  },
  stop: (hands, { params }, timeoutMs, done) =>
    dropEverywhere(hands, params, hands.world.clock.bootMs() + timeoutMs, done),
  checks: () => [{ name: 'quick', intervalMs: CHECK_INTERVAL_MS, timeoutMs: CHECK_TIMEOUT_MS }],
  check(hands, { params }, _check, done) {
    carriers(hands, params, CHECK_TIMEOUT_MS, (found) => {
      if (found instanceof EterneError) return done({ state: 'failed', reason: found.message });
      const [carrier] = found;
      if (carrier === undefined)
        return done({ state: 'failed', reason: `${params.host} is gone from this node` });
      if (isUp(carrier)) return done(RUNNING);
      const deadlineMs = hands.world.clock.bootMs() + CHECK_TIMEOUT_MS;
      best(hands, params.interfaces, deadlineMs, (other) => {
        if (other !== undefined && isUp(other))
          return done({ state: 'failed', reason: `the link of ${carrier.ifname} is down` });
        announceOnceUp(hands, carrier.ifname, params);
        done(RUNNING);
      });
    });
  },
  find: (hands, { params }, timeoutMs, done) =>
    carriers(hands, params, timeoutMs, (found) =>
      done(found instanceof EterneError ? undefined : found.length > 0),
    ),
  abandon: (hands, { params }, done) =>
    dropEverywhere(hands, params, hands.world.clock.bootMs() + ABANDON_TIMEOUT_MS, ({ reason }) =>
      done(reason),
    ),
};

const leftMs = ({ world }: Hands, deadlineMs: number): number => deadlineMs - world.clock.bootMs();

function parseAddress(text: string): Omit<IpParams, 'interfaces'> {
  const [host = '', length = '', ...rest] = text.split('/');
  const ip = parseIp(host);
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (ip === undefined || rest.length > 0 || !(prefix >= 1 && prefix <= ip.bytes.length * 8))
    throw new EterneError('config', `not an address with its prefix length: ${JSON.stringify(text)}`, {
      hint: 'write for example 10.20.0.100/24',
    });
  return { host, ip, prefix };
}

function add(hands: Hands, params: IpParams, chosen: string, timeoutMs: number, done: Started): void {
  const { host, ip, prefix } = params;
  const detection = ip.version === 6 ? ['nodad'] : [];
  const command: Command = ['ip', 'address', 'add', `${host}/${prefix}`, 'dev', chosen, ...detection];
  runCommand(hands, command, timeoutMs, ({ failure }) => {
    if (failure !== '') return done(failed(failure));
    announceRepeatedly(hands, chosen, params);
    done(succeeded({ address: host, interface: chosen }));
  });
}

function announceRepeatedly(hands: Hands, name: string, params: IpParams): void {
  for (const delayMs of ANNOUNCE_AGAIN_MS)
    hands.world.timers.after(delayMs, () => announce(hands, name, params));
}

/** Each check without a link asks for it: after the next one, which asks again unless the link is back. */
function announceOnceUp(hands: Hands, name: string, params: IpParams): void {
  hands.world.timers.after(2 * CHECK_INTERVAL_MS, () =>
    carriers(hands, params, CHECK_TIMEOUT_MS, (found) => {
      if (!(found instanceof EterneError) && found.some((link) => link.ifname === name && isUp(link)))
        announceRepeatedly(hands, name, params);
    }),
  );
}

/**
 * Best effort: a neighbour that misses all three asks when its own entry has aged. Only what this node still has is announced: after a stop
 * the address may be somebody else's.
 */
function announce(hands: Hands, name: string, params: IpParams): void {
  carriers(hands, params, CHECK_TIMEOUT_MS, (found) => {
    if (found instanceof EterneError || !found.some((link) => link.ifname === name && isUp(link))) return;
    const error = hands.frames.send(name, (mac) => announcement(mac, params.ip));
    if (error)
      hands.world.log('warn', 'cannot announce the address', { address: params.host, reason: error.message });
  });
}

/** From whatever interface has it; done when none has. */
function dropEverywhere(hands: Hands, params: IpParams, deadlineMs: number, done: Started): void {
  carriers(hands, params, leftMs(hands, deadlineMs), (found) => {
    if (found instanceof EterneError) return done(failed(found.message));
    const [carrier] = found;
    if (carrier === undefined) return done(succeeded());
    const command: Command = [
      'ip',
      'address',
      'del',
      `${params.host}/${params.prefix}`,
      'dev',
      carrier.ifname,
    ];
    keepOthers(hands, params, carrier.ifname, leftMs(hands, deadlineMs) / 2, () =>
      runCommand(hands, command, leftMs(hands, deadlineMs), ({ failure }) => {
        if (failure !== '') return done(failed(failure));
        dropEverywhere(hands, params, deadlineMs, done);
      }),
    );
  });
}

/** Best effort: where it cannot be said the address is taken away all the same. IPv6 has no such order. */
function keepOthers(hands: Hands, { ip }: IpParams, name: string, timeoutMs: number, next: () => void): void {
  if (ip.version === 6) return next();
  // With slashes, as names of interfaces may have dots.
  const setting = `net/ipv4/conf/${name}/promote_secondaries=1`;
  runCommand(hands, ['sysctl', '-qw', setting], timeoutMs, ({ failure }) => {
    if (failure !== '')
      hands.world.log('warn', 'cannot set promote_secondaries', { interface: name, reason: failure });
    next();
  });
}

/** Interfaces that have the address now. */
function carriers(hands: Hands, { host, ip }: IpParams, timeoutMs: number, done: LinksDone): void {
  const single = `${host}/${ip.bytes.length * 8}`;
  readLinks(hands, ['ip', '-json', 'address', 'show', 'to', single], done, timeoutMs);
}

/** The first that has a link, without any the first that is there. */
function best(
  hands: Hands,
  interfaces: readonly string[],
  deadlineMs: number,
  done: (link: LinkRow | undefined) => void,
  withoutLink?: LinkRow,
): void {
  const [name, ...others] = interfaces;
  if (name === undefined) return done(withoutLink);
  const read = (links: Parameters<LinksDone>[0]): void => {
    const [link] = links instanceof EterneError ? [] : links;
    if (link !== undefined && isUp(link)) done(link);
    else best(hands, others, deadlineMs, done, withoutLink ?? link);
  };
  readLinks(hands, ['ip', '-json', 'link', 'show', 'dev', name], read, leftMs(hands, deadlineMs));
}
