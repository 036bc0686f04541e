/** IP addresses as text and as bytes: RFC 4291 §2.2 for IPv6 (`::`, a trailing IPv4 part), dotted decimals for IPv4. */
export interface IpAddress {
  readonly version: 4 | 6;
  /** 4 or 16, in network order. */
  readonly bytes: Buffer;
}

const DECIMAL = /^(0|[1-9]\d{0,2})$/;
const HEXADECIMAL = /^[0-9a-fA-F]{1,4}$/;

/** Undefined when it is none. */
export function parseIp(text: string): IpAddress | undefined {
  const bytes = text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text);
  return bytes && { version: text.includes(':') ? 6 : 4, bytes };
}

function ipv4Bytes(text: string): Buffer | undefined {
  const parts = text.split('.');
  const isSound = parts.length === 4 && parts.every((part) => DECIMAL.test(part) && Number(part) <= 255);
  return isSound ? Buffer.from(parts.map(Number)) : undefined;
}

function ipv6Bytes(text: string): Buffer | undefined {
  const [head = '', tail, ...rest] = text.split('::');
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')];
  if (rest.length > 0 || before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** Groups of hexadecimal digits; a trailing IPv4 part as two of them. */
function groupsOf(part: string): readonly string[] | undefined {
  if (part === '') return [];
  const groups = part.split(':');
  const last = groups.at(-1) ?? '';
  const embedded = last.includes('.') ? ipv4Bytes(last)?.toString('hex') : undefined;
  if (embedded !== undefined) groups.splice(-1, 1, embedded.slice(0, 4), embedded.slice(4));
  return groups.every((group) => HEXADECIMAL.test(group)) ? groups : undefined;
}
