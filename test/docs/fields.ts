/** The fields of a kind of document, from its schema. */

/** The part of JSON Schema that the policy schemas come out as. */
export interface Field {
  readonly title?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly pattern?: string;
  readonly $ref?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly items?: Field;
  readonly anyOf?: readonly Field[];
}

/** One field, for a row of a table or an entry of a list. */
interface DocumentedField {
  /** `spec.pressure[].name`. */
  readonly path: string;
  /** What may stand there; words of the language stand in backquotes. */
  readonly values: string;
  readonly default: string | undefined;
  readonly description: string;
}

/** All fields of a document, each before those inside it. */
export function fieldsOf({ properties = {} }: Field, prefix = ''): DocumentedField[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix === '' ? name : `${prefix}.${name}`}${field.items ? '[]' : ''}`;
    return [
      {
        path,
        values: valuesOf(field),
        default: defaultOf(field),
        description: field.description ?? '',
      },
      ...fieldsOf(field.items ?? field, path),
    ];
  });
}

function valuesOf(field: Field): string {
  if (field.title !== undefined) return field.title;
  if (field.$ref !== undefined) return field.$ref.slice(field.$ref.lastIndexOf('/') + 1).toLowerCase();
  const choices = field.enum ?? (field.const === undefined ? undefined : [field.const]);
  if (choices) return choices.map(choice => `\`${String(choice)}\``).join(', ');
  if (field.minimum !== undefined && field.maximum !== undefined)
    return `${field.type ?? ''} ${field.minimum} to ${field.maximum}`;
  if (field.type === undefined && field.anyOf) return field.anyOf.map(valuesOf).join(' or ');
  if (field.items) return `list of ${valuesOf(field.items)}`;
  return field.type ?? '';
}

function defaultOf(field: Field): string | undefined {
  return field.default === undefined || field.type === 'object'
    ? undefined
    : JSON.stringify(field.default).replaceAll('"', '');
}
