/**
 * Reads a small JSON document field by field: every field has one type, every unknown field is an error. Used where a validation
 * library would cost a daemon more memory than everything else it does (heart, launcher, monitor).
 */
import { EterneError, parseDurationMs } from '@eterne/base';

export class Fields {
  readonly #where: string;
  readonly #values: Map<string, unknown>;

  constructor(where: string, value: unknown) {
    this.#where = where;
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new EterneError('config', `${where}: must be an object`);
    this.#values = new Map(Object.entries(value));
  }

  static parse(where: string, content: Buffer): Fields {
    let value: unknown;
    try {
      value = JSON.parse(content.toString('utf8'));
    } catch {
      throw new EterneError('config', `${where}: is not JSON`);
    }
    return new Fields(where, value);
  }

  text(name: string): string {
    const value = this.#take(name);
    return typeof value === 'string' ? value : this.#fail(name, 'must be a text');
  }

  matching(name: string, pattern: RegExp): string {
    const value = this.text(name);
    return pattern.test(value) ? value : this.#fail(name, `must match ${pattern.source}`);
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.text(name);
    return values.find((known) => known === value) ?? this.#fail(name, `must be one of ${values.join(', ')}`);
  }

  integer(name: string): number {
    const value = this.#take(name);
    return Number.isSafeInteger(value) ? Number(value) : this.#fail(name, 'must be a whole number');
  }

  boolean(name: string): boolean {
    const value = this.#take(name);
    return typeof value === 'boolean' ? value : this.#fail(name, 'must be true or false');
  }

  texts(name: string): readonly string[] {
    const values: unknown = this.#take(name);
    if (!Array.isArray(values)) return this.#fail(name, 'must be a list of texts');
    return values.map((value: unknown) =>
      typeof value === 'string' ? value : this.#fail(name, 'must be a list of texts'),
    );
  }

  object(name: string): Fields {
    return new Fields(`${this.#where}: ${name}`, this.#take(name));
  }

  objects(name: string): readonly Fields[] {
    const values: unknown = this.#take(name);
    if (!Array.isArray(values)) return this.#fail(name, 'must be a list');
    return values.map((value, index) => new Fields(`${this.#where}: ${name}[${index}]`, value));
  }

  /** `read` when the field is there, else `otherwise`. */
  optional<T, U>(name: string, read: (name: string) => T, otherwise: U): T | U {
    return this.#values.has(name) ? read(name) : otherwise;
  }

  durationMs(name: string): number {
    return parseDurationMs(this.text(name));
  }

  /** Names and texts, as in an environment. */
  textMap(name: string): Readonly<Record<string, string>> {
    const fields = this.object(name);
    const names = [...fields.#values.keys()];
    return Object.fromEntries(names.map((key) => [key, fields.text(key)]));
  }

  /** The same, where numbers and yes or no stand for their texts. */
  scalarMap(name: string): Readonly<Record<string, string>> {
    const entries = [...this.object(name).#values].map(([key, value]): [string, string] =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [key, String(value)]
        : this.#fail(name, `has a ${key} that is no text, number or boolean`),
    );
    return Object.fromEntries(entries);
  }

  /** After the last field: what is left is unknown. */
  end(): void {
    for (const name of this.#values.keys()) this.#fail(name, 'is unknown');
  }

  #take(name: string): unknown {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value ?? this.#fail(name, 'is missing');
  }

  #fail(name: string, what: string): never {
    throw new EterneError('config', `${this.#where}: ${name} ${what}`);
  }
}
