/**
 * `@peculiar/x509` wires its algorithm providers with a container that wants the metadata part of `Reflect` (a proposal that never
 * became part of the language). None of its classes carries constructor metadata, so "there is none" is the whole truth and all that
 * is needed. Must be evaluated before the library: see `x509.ts`.
 */
type MetadataReader = (key: string, target: object) => unknown;

const reflect = Reflect as typeof Reflect & { getMetadata?: MetadataReader; getOwnMetadata?: MetadataReader };
reflect.getMetadata ??= () => undefined;
reflect.getOwnMetadata ??= () => undefined;
