/**
 * What entries and snapshots are made of, line by line, so that a level can be frozen (`level-N.txt`) and a snapshot be read as strictly as a program
 * of that level reads it. A line of a snapshot is `state.members.*.sees?.*: text`: `*` is every item, `?` may be absent. A line of an entry is
 * `entry node-report.level: number`, as its type says; what its types have in common with the state is told by the state's lines.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { Addition } from '../../../src/state/levels.ts';
import { stateSchema } from '../../../src/state/schema.ts';

/** Path → what may be there. */
export type Shape = Map<string, Set<string>>;

interface Def {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly values?: readonly unknown[];
}

const LEAVES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  boolean: 'boolean',
  unknown: 'anything',
};

/** Of what this program reads and writes. */
export function presentShape(): Shape {
  const shape: Shape = new Map();
  addSchema(shape, 'state', stateSchema);
  for (const file of ['commands.ts', 'volume-orders.ts']) addSource(shape, file);
  // It is only ever read.
  forget(shape, 'entry premature');
  return shape;
}

function add(shape: Shape, path: string, what: string): void {
  shape.set(path, (shape.get(path) ?? new Set()).add(what));
}

function addSchema(shape: Shape, path: string, schema: z.ZodType): void {
  const def = schema._zod.def as unknown as Def;
  const { innerType, element, valueType } = def;
  if (def.type === 'object')
    for (const [key, field] of Object.entries(def.shape ?? {})) addSchema(shape, `${path}.${key}`, field);
  else if (def.type === 'default' || def.type === 'optional')
    addSchema(shape, `${path}?`, innerType as z.ZodType);
  else if (def.type === 'nullable') {
    add(shape, path, 'null');
    addSchema(shape, path, innerType as z.ZodType);
  } else if (def.type === 'pipe') addSchema(shape, path, def.in as z.ZodType);
  else if (def.type === 'union') for (const option of def.options ?? []) addSchema(shape, path, option);
  else if (def.type === 'array') addSchema(shape, `${path}.*`, element as z.ZodType);
  else if (def.type === 'record') addSchema(shape, `${path}.*`, valueType as z.ZodType);
  else if (def.type === 'enum')
    for (const value of Object.values(def.entries ?? {})) add(shape, path, JSON.stringify(value));
  else if (def.type === 'literal')
    for (const value of def.values ?? []) add(shape, path, JSON.stringify(value));
  else add(shape, path, LEAVES[def.type] ?? `a ${def.type} that this test does not know`);
}

/** The fields that are written beside each `kind` or `verb`. */
function addSource(shape: Shape, file: string): void {
  const source = readFileSync(new URL(`../../../src/state/${file}`, import.meta.url), 'utf8');
  const code = source.replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
  let kinds: readonly string[] = [];
  for (const [, name = '', optional = '', type = ''] of code.matchAll(/readonly (\w+)(\??):\s*([^;}]+)/g)) {
    const isTag = name === 'kind' || name === 'verb';
    if (isTag) kinds = [...type.matchAll(/'([^']+)'/g)].map(([, kind = '']) => kind);
    for (const kind of kinds)
      add(
        shape,
        `entry ${kind}${isTag ? '' : `.${name}${optional}`}`,
        isTag ? 'a kind' : type.trim().replaceAll(/\s+/g, ' '),
      );
  }
}

export function linesOf(shape: Shape): readonly string[] {
  return [...shape].map(([path, what]) => `${path}: ${[...what].toSorted().join(' | ')}`).toSorted();
}

export function parseLines(text: string): Shape {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), new Set(line.slice(at + 2).split(' | '))] as const;
    }),
  );
}

/** Without what `additions` brought. */
export function shapeBefore(shape: Shape, additions: readonly Addition[]): Shape {
  const left: Shape = new Map([...shape].map(([path, what]) => [path, new Set(what)]));
  for (const { entries = [], fields = [], values = [] } of additions) {
    for (const kind of entries) forget(left, `entry ${kind}`);
    for (const { path } of fields) forget(left, lineOf(path));
    for (const { path, value } of values)
      for (const [line, what] of left) if (plain(line) === lineOf(path)) what.delete(JSON.stringify(value));
  }
  return left;
}

/** Where a path of `levels.ts` is listed: state by its path, a field of an entry by the kind that it is written beside. */
function lineOf(path: string): string {
  if (path.startsWith('state.')) return path;
  const steps = path.split('.');
  const kind = steps.findLast((step) => step.startsWith('*='))?.slice(2) ?? steps[0];
  return `entry ${kind}.${steps.at(-1)}`;
}

function plain(line: string): string {
  return line.replaceAll('?', '');
}

function forget(shape: Shape, start: string): void {
  for (const line of shape.keys())
    if (plain(line) === start || plain(line).startsWith(`${start}.`)) shape.delete(line);
}

/** What in `value` a program that knows only `shape` would not read: unknown fields and values, and fields that it misses. */
export function unreadable(shape: Shape, value: unknown, path = 'state'): readonly string[] {
  const here = known(shape, path);
  if (here.what.has('anything')) return [];
  if (typeof value !== 'object' || value === null)
    return fits(here.what, value) ? [] : [`${path} is ${JSON.stringify(value)}`];
  if (Array.isArray(value) || here.fields.has('*'))
    return Object.values(value).flatMap((item) => unreadable(shape, item, `${path}.*`));
  const missing = [...here.fields].filter(([name, isNeeded]) => isNeeded && !(name in value));
  const strange = Object.keys(value).filter((name) => !here.fields.has(name));
  return [
    ...missing.map(([name]) => `${path}.${name} is missing`),
    ...strange.map((name) => `${path}.${name} is unknown`),
    ...Object.entries(value).flatMap(([name, item]) =>
      here.fields.has(name) ? unreadable(shape, item, `${path}.${name}`) : [],
    ),
  ];
}

interface Known {
  readonly what: ReadonlySet<string>;
  /** Name → it is never absent. Of alternatives (`kind`) only what they share. */
  readonly fields: ReadonlyMap<string, boolean>;
}

function known(shape: Shape, path: string): Known {
  const what = new Set<string>();
  const fields = new Map<string, boolean>();
  for (const [line, types] of shape) {
    if (plain(line) === path) for (const type of types) what.add(type);
    if (!plain(line).startsWith(`${path}.`)) continue;
    const field = line.split('.')[path.split('.').length] ?? '';
    fields.set(plain(field), !field.endsWith('?'));
  }
  if (fields.has('kind') || fields.has('engine'))
    for (const name of fields.keys()) fields.set(name, name === 'kind' || name === 'engine');
  return { what, fields };
}

function fits(what: ReadonlySet<string>, value: unknown): boolean {
  if (what.has(JSON.stringify(value))) return true;
  return what.has(typeof value === 'string' ? 'text' : typeof value);
}
