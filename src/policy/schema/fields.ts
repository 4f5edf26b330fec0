import { z } from 'zod';

/** A name that messages, metrics and journals can carry: letters, digits, dot, dash and underscore. */
function documentName(): z.ZodType<string> {
  return z
    .string()
    .max(63)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
      error: 'a name has letters, digits, dots, dashes and underscores, and begins with a letter or digit',
    })
    .meta({ examples: ['standard'] });
}

/** A CEL expression. YAML may read one that is a lone number or truth value as such; the compiler takes the text as written. */
export function expression(example: string): z.ZodType<string | number | boolean> {
  return z
    .union([z.string(), z.number(), z.boolean()], { error: 'expected an expression' })
    .meta({ title: 'CEL expression', examples: [example] });
}

/** The name of a part of a policy, as decisions and messages show it. */
export function policyName(): z.ZodType<string> {
  return z
    .string()
    .max(63)
    .regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, {
      error: 'a name has letters, digits, dashes and underscores, and does not begin with a digit',
    })
    .meta({ examples: ['night'] });
}

export const Metadata = z
  .strictObject({
    name: documentName().describe(
      'Name of the policy, unique among the policies of its kind. It stands in decisions, metrics and logs.',
    ),
    description: z
      .string()
      .max(1000)
      .optional()
      .describe('What the policy is for, in a sentence.')
      .meta({ examples: ['Batch workers give memory back first.'] }),
  })
  .describe('Name and purpose of the document.');

export const ApiVersion = z.literal('ballonet/v1').describe('Version of the policy language.');
