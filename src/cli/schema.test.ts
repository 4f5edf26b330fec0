import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { documentSchema } from './schema.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function yamlIn(folder: string): string[] {
  return readdirSync(ROOT + folder)
    .filter(name => /\.ya?ml$/.test(name))
    .map(name => `${folder}/${name}`);
}

/** zod reads the schema back from its JSON: what it then takes is what the JSON says, not what our own schemas say. */
function validator(kind?: string) {
  const json: unknown = JSON.parse(JSON.stringify(documentSchema(kind)));
  const schema = z.fromJSONSchema(json as z.core.JSONSchema.JSONSchema);
  return (value: unknown): boolean => schema.safeParse(value).success;
}

function documentsOf(file: string): unknown[] {
  return parseAllDocuments(readFileSync(ROOT + file, 'utf8')).flatMap(document =>
    document.contents === null ? [] : [JSON.parse(JSON.stringify(document.toJS()))],
  );
}

const KINDS = ['HostPolicy', 'GuestPolicy', 'PolicyTest', 'Config'] as const;

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every field of a schema, by its path. */
function fieldsOf(schema: Node, path: string): (readonly [string, Node])[] {
  const inner = isNode(schema.items) ? fieldsOf(schema.items, `${path}[]`) : [];
  const forms = Array.isArray(schema.anyOf) ? schema.anyOf.filter(isNode) : [];
  const own = isNode(schema.properties) ? Object.entries(schema.properties) : [];
  return [
    ...own.flatMap(([name, field]) => {
      const at = `${path}.${name}`;
      return isNode(field) ? [[at, field] as const, ...fieldsOf(field, at)] : [];
    }),
    ...inner,
    ...forms.flatMap(form => fieldsOf(form, path)),
  ];
}

describe.each(KINDS)('the JSON Schema of %s', kind => {
  const schema = documentSchema(kind);

  it('is of the dialect 2020-12 and asks for the kind', () => {
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.required).toContain('kind');
  });

  it('describes every field, and shows what can be written in it', () => {
    const fields = fieldsOf(schema, kind);
    const shown = ['examples', 'default', 'enum', 'const', 'properties', 'items'];

    expect(fields.filter(([, field]) => typeof field.description !== 'string').map(([path]) => path)).toEqual(
      [],
    );
    expect(fields.filter(([, field]) => !shown.some(key => key in field)).map(([path]) => path)).toEqual([]);
    expect(fields.length).toBeGreaterThan(15);
  });

  it('has examples and defaults that it takes itself', () => {
    const wrong = fieldsOf(schema, kind).flatMap(([path, field]) => {
      const { examples, default: preset, ...rest } = field;
      const taken = z.fromJSONSchema(JSON.parse(JSON.stringify(rest)));
      const values = [
        ...(Array.isArray(examples) ? examples : []),
        ...(preset === undefined ? [] : [preset]),
      ];
      return values
        .filter(value => !taken.safeParse(value).success)
        .map(value => `${path}: ${JSON.stringify(value)}`);
    });

    expect(wrong).toEqual([]);
  });
});

describe('the JSON Schema of all documents', () => {
  const valid = validator();

  it.each([
    ...yamlIn('policies'),
    ...yamlIn('scenarios'),
    ...yamlIn('test/fixtures/policies/good'),
    ...yamlIn('test/fixtures/policy-tests/good'),
  ])('takes every document of %s', file => {
    const documents = documentsOf(file);

    expect(documents.map(valid)).toEqual(documents.map(() => true));
    expect(documents.length).toBeGreaterThan(0);
  });

  it.each([
    'policies/bad/unknown-field-nested.yaml',
    'policies/bad/unit-bare-number.yaml',
    'policies/bad/range-mode.yaml',
    'policies/bad/missing-match.yaml',
    'policies/bad/kind-unknown.yaml',
    'policies/bad/type-text-for-list.yaml',
    'policy-tests/bad/unknown-field.test.yaml',
    'policy-tests/bad/size-bare.test.yaml',
    'policy-tests/bad/expect-target-field.test.yaml',
    'policy-tests/bad/start-without-zone.test.yaml',
  ])('refuses %s', file => {
    expect(documentsOf(`test/fixtures/${file}`).every(valid)).toBe(false);
  });

  it('takes a document of one kind by the schema of that kind alone', () => {
    const [host, guest] = documentsOf('policies/standard.yaml');

    expect([host, guest].map(validator('HostPolicy'))).toEqual([true, false]);
    expect([host, guest].map(validator('GuestPolicy'))).toEqual([false, true]);
  });

  it('is not there for a kind that does not exist', () => {
    expect(() => documentSchema('HostPolcy')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
