export interface Words {
  readonly en: string;
  readonly zh: string;
}

/** What an answer may be. `list`: separated by commas. All of them are safe inside a shell script between double quotes. */
export type AnswerKind =
  'name' | 'path' | 'device' | 'size' | 'number' | 'list' | 'address' | 'choice' | 'text';

export interface Question {
  readonly key: string;
  readonly kind: AnswerKind;
  readonly help: Words;
  /** Absent: it must be answered. Empty: without it. */
  readonly default?: string;
  readonly choices?: readonly string[];
}

/** One entry of a group's `resources`; `{{KEY}}` stands for an answer. Left out when the answer that `when` names is empty (`!KEY`: is not). */
export interface ResourceTemplate {
  readonly when?: string;
  readonly name: string;
  readonly type: string;
  readonly [parameter: string]: unknown;
}

export interface Template {
  readonly title: Words;
  /** What has to be installed on every node, and how, before the group is started. */
  readonly about: Words;
  /** Default of where its file system is mounted; null: it uses a volume as it is, without a file system. */
  readonly directory: string | null;
  readonly questions: readonly Question[];
  /** After storage and address. */
  readonly resources: readonly ResourceTemplate[];
}

export type Catalogue = Readonly<Record<string, Template>>;
