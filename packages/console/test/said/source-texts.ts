/** Every sentence that a source file can make, found in its syntax tree: so that a new one is not overlooked. */
import { readFileSync } from 'node:fs';
import { parseAst } from 'vite';

/** Stands for what is put in where the program runs. */
export const FILLED = 'X1';
const VARIANTS_MAX = 32;

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** `except`: functions whose texts nobody is shown, or that are met elsewhere. */
export function textsOf(path: string, except: readonly string[] = []): readonly string[] {
  const found = new Set<string>();
  const visit = (node: Node): void => {
    if (isSilent(node) || except.includes(nameOf(node))) return;
    const texts = variantsOf(node);
    for (const text of texts ?? []) if (isText(text)) found.add(text);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(parseAst(readFileSync(path, 'utf8'), { lang: 'ts' }) as unknown as Node);
  return [...found];
}

/** Two words with a space between them, one of which is written in the source. What begins with a comma or a space continues another one. */
function isText(text: string): boolean {
  return /^[^ ,;]/.test(text) && /[a-z]{2}[^ ]* +[^ ]|[^ ] +[a-z]{2}/.test(text.replaceAll(FILLED, ''));
}

/** Texts of a literal, with each literal that a choice within it can give; undefined: it is none. */
function variantsOf(node: Node): readonly string[] | undefined {
  if (node.type === 'Literal') return typeof node['value'] === 'string' ? [node['value']] : undefined;
  if (node.type === 'ConditionalExpression') {
    const [yes, no] = [node['consequent'], node['alternate']].map((branch) => variantsOf(branch as Node));
    return yes === undefined && no === undefined ? undefined : [...(yes ?? [FILLED]), ...(no ?? [FILLED])];
  }
  if (node.type !== 'TemplateLiteral') return undefined;
  const quasis = node['quasis'] as readonly { readonly value: { readonly cooked: string } }[];
  const expressions = node['expressions'] as readonly Node[];
  return quasis.reduce<readonly string[]>(
    (texts, { value }, at) => {
      const filled = at === 0 ? [''] : (variantsOf(expressions[at - 1] as Node) ?? [FILLED]);
      return texts
        .flatMap((text) => filled.map((part) => `${text}${part}${value.cooked}`))
        .slice(0, VARIANTS_MAX);
    },
    [''],
  );
}

const SILENT_CALLS = [
  'assert',
  'log',
  'RegExp',
  'TypeError',
  'complain',
  'literal',
  'oneOf',
  'runCommand',
  'test',
];

/** Of the API's description, of a handshake's table. */
const SILENT_KEYS = ['summary', 'description', 'row'];

/** What is said to nobody who reads the console: types, imports, the log file, lines of the timeline, which have their code, and what peers reproach each other with. */
function isSilent(node: Node): boolean {
  if (node.type === 'Property') return SILENT_KEYS.includes(nameOf(node['key'] as Node));
  if (node.type.startsWith('TS') && node.type !== 'TSAsExpression' && node.type !== 'TSNonNullExpression')
    return true;
  if (node.type === 'ImportDeclaration') return true;
  if (node.type === 'CallExpression' || node.type === 'NewExpression') {
    const callee = node['callee'] as Node;
    const name = nameOf((callee['property'] as Node | undefined) ?? callee);
    const [first] = node['arguments'] as readonly Node[];
    return SILENT_CALLS.includes(name) || (name === 'EterneError' && first?.['value'] === 'protocol');
  }
  if (node.type === 'ObjectExpression') {
    const keys = (node['properties'] as readonly Node[]).map((property) =>
      nameOf((property['key'] as Node) ?? property),
    );
    return keys.includes('message') && keys.includes('level');
  }
  return false;
}

function nameOf(node: Node): string {
  if (node.type === 'Identifier' || node.type === 'PrivateIdentifier') return node['name'] as string;
  const own = (node['id'] ?? (node.type === 'MethodDefinition' ? node['key'] : undefined)) as
    Node | null | undefined;
  return own ? nameOf(own) : '';
}

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
