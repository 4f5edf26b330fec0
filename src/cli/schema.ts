import { Command } from 'commander';
import { z } from 'zod';
import { BallonetError } from '../model/errors.ts';
import { GuestPolicyDocument } from '../policy/schema/guest-policy.ts';
import { HostPolicyDocument } from '../policy/schema/host-policy.ts';
import { PolicyTestDocument } from '../policy/schema/policy-test.ts';
import { suggestion } from '../policy/source/suggest.ts';
import { ScenarioDocument } from '../simulator/scenario/schema.ts';
import { ConfigDocument } from './config/schema.ts';
import type { Streams } from './output.ts';

const DOCUMENTS: ReadonlyMap<string, z.ZodType> = new Map<string, z.ZodType>([
  ['HostPolicy', HostPolicyDocument],
  ['GuestPolicy', GuestPolicyDocument],
  ['PolicyTest', PolicyTestDocument],
  ['Scenario', ScenarioDocument],
  ['Config', ConfigDocument],
]);

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

export function schemaVerb({ out }: Streams): Command {
  return new Command('schema')
    .summary('the JSON Schema of policy documents, for editors')
    .description(
      'Prints the JSON Schema (2020-12) of one kind of document, or of all. Saved as ballonet.schema.json beside the policies, an ' +
        'editor finds it through its settings, or through a line `# yaml-language-server: $schema=./ballonet.schema.json` before ' +
        'each document.',
    )
    .argument('[kind]', [...DOCUMENTS.keys()].join(', '))
    .action((kind: string | undefined) => {
      out(`${JSON.stringify(documentSchema(kind), undefined, 2)}\n`);
    });
}

type JsonSchema = z.core.JSONSchema.JSONSchema;

/**
 * The JSON Schema of a kind of document; of a document of any kind when none is named.
 *
 * @throws BallonetError `USAGE` for a kind that does not exist
 */
export function documentSchema(kind?: string): JsonSchema {
  if (kind !== undefined) {
    const document = DOCUMENTS.get(kind);
    if (document === undefined) {
      const hint = suggestion(kind, [...DOCUMENTS.keys()], 'the kinds');
      throw new BallonetError('USAGE', `there is no kind '${kind}'; ${hint}`);
    }
    return { $schema: DIALECT, title: kind, ...schemaOf(document) };
  }
  const definitions: NonNullable<JsonSchema['$defs']> = {};
  for (const [name, document] of DOCUMENTS) {
    // Parts that refer to themselves are referred to from the root, so there they must be.
    const { $defs, ...schema } = schemaOf(document);
    Object.assign(definitions, { [name]: { title: name, ...schema } }, $defs);
  }
  return {
    $schema: DIALECT,
    title: 'Documents of ballonet/v1',
    oneOf: [...DOCUMENTS.keys()].map(name => ({ $ref: `#/$defs/${name}` })),
    $defs: definitions,
  };
}

/** As it is written, before defaults are filled in and quantities are read. */
function schemaOf(document: z.ZodType): JsonSchema {
  const {
    $schema: _,
    '~standard': __,
    ...schema
  } = z.toJSONSchema(document, {
    io: 'input',
    // zod drops the examples of what is read into something else, as if they were of the result.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.examples;
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  });
  return schema;
}
