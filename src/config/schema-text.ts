// Reads a zod schema: its keys, the node at a path, and what a node accepts in words. Knows no particular schema.
import type { z } from 'zod';

type Schema = z.core.$ZodType;
type Definition = { readonly type: string } & Readonly<Record<string, unknown>>;
type Check = { readonly _zod: { readonly def: Readonly<Record<string, unknown>> } };
type KeyPath = readonly PropertyKey[];

const WRAPPERS = new Set(['default', 'prefault', 'optional', 'readonly', 'nonoptional', 'catch']);

function definitionOf(schema: Schema): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The schema inside defaults and nullables. */
function unwrap(schema: Schema): Schema {
  const { type, innerType } = definitionOf(schema);
  return WRAPPERS.has(type) || type === 'nullable' ? unwrap(innerType as Schema) : schema;
}

/** The schemas of an object's keys, or null where the schema is not an object. */
export function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | null {
  const { type, shape } = definitionOf(unwrap(schema));
  return type === 'object' ? (shape as Record<string, Schema>) : null;
}

/** The schema at a path, or null where it has none. */
export function schemaAt(schema: Schema, path: KeyPath): Schema | null {
  let node: Schema | null = schema;
  for (const key of path) {
    if (node === null) return null;
    const definition = definitionOf(unwrap(node));
    if (definition.type === 'object') {
      const shape = definition.shape as Record<string, Schema>;
      node = Object.hasOwn(shape, String(key)) ? shape[String(key)] : null;
    } else if (definition.type === 'array') node = definition.element as Schema;
    else if (definition.type === 'tuple') node = (definition.items as Schema[])[Number(key)] ?? null;
    else node = null;
  }
  return node;
}

/** Every key path of a schema, `unet.training.steps`. */
export function keyPaths(schema: Schema, prefix = ''): string[] {
  const shape = shapeOf(schema);
  if (shape === null) return [];
  return Object.entries(shape).flatMap(([key, node]) => [`${prefix}${key}`, ...keyPaths(node, `${prefix}${key}.`)]);
}

/** What a schema accepts, in words: `an integer in [1, 64]`, `one of linear, cosine`, `a list of text, or null`. */
export function describeSchema(schema: Schema): string {
  const definition = definitionOf(schema);
  if (WRAPPERS.has(definition.type)) return describeSchema(definition.innerType as Schema);
  switch (definition.type) {
    case 'nullable':
      return `${describeSchema(definition.innerType as Schema)}, or null`;
    case 'number':
      return describeNumber(definition);
    case 'boolean':
      return 'true or false';
    case 'string':
      return 'text';
    case 'null':
      return 'null';
    case 'enum':
      return oneOf(Object.values(definition.entries as Record<string, unknown>));
    case 'literal':
      return oneOf(definition.values as unknown[]);
    case 'array':
      return `a list, each item ${describeSchema(definition.element as Schema)}`;
    case 'tuple':
      return `a list of ${(definition.items as Schema[]).length}: ${(definition.items as Schema[]).map(describeSchema).join('; ')}`;
    case 'union':
      return (definition.options as Schema[]).map(describeSchema).join(', or ');
    case 'object':
      return `a block with the keys ${Object.keys(definition.shape as object).join(', ')}`;
    default:
      return definition.type;
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.map(String).join(', ')}`;
}

function describeNumber(definition: Definition): string {
  const checks = ((definition.checks ?? []) as Check[]).map((check) => check._zod.def);
  const isInteger = [definition, ...checks].some(({ format }) => typeof format === 'string' && format.includes('int'));
  const noun = isInteger ? 'an integer' : 'a number';
  const low = checks.filter(({ check }) => check === 'greater_than').at(-1);
  const high = checks.filter(({ check }) => check === 'less_than').at(-1);
  const multiple = checks.find(({ check }) => check === 'multiple_of');
  const range = describeRange(low, high);
  return `${noun}${range}${multiple === undefined ? '' : `, a multiple of ${String(multiple.value)}`}`;
}

function describeRange(low: Readonly<Record<string, unknown>> | undefined, high: Readonly<Record<string, unknown>> | undefined): string {
  if (low === undefined && high === undefined) return '';
  if (high === undefined) return low?.inclusive === true ? ` of at least ${String(low.value)}` : ` above ${String(low?.value)}`;
  if (low === undefined) return high.inclusive === true ? ` of at most ${String(high.value)}` : ` below ${String(high.value)}`;
  return ` in ${low.inclusive === true ? '[' : '('}${String(low.value)}, ${String(high.value)}${high.inclusive === true ? ']' : ')'}`;
}
