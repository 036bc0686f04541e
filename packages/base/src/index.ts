export * from './assert.ts';
export * from './brand.ts';
export * from './crc32c.ts';
export * from './errors.ts';
export * from './units.ts';
export * from './when-all.ts';
