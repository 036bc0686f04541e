/** What the console speaks. */
export type Language = 'en' | 'zh';
