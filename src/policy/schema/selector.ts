import { z } from 'zod';
import { expression } from './fields.ts';
import { size } from './quantities.ts';

/** Longest glob; libvirt's names and titles are shorter in practice. */
const GLOB_MAX = 256;

function globs(example: readonly string[]): z.ZodType<string[] | undefined> {
  return z
    .array(z.string().min(1).max(GLOB_MAX))
    .min(1)
    .max(64)
    .optional()
    .meta({ examples: [example] });
}

/** Which guests something is for. */
export const Selector = z.strictObject({
  name: globs(['batch-*', 'ci-?']).describe('Globs for the domain name; one of them must match.'),
  uuid: globs(['6d1b7c1e-*']).describe('Globs for the UUID, in any case; one of them must match.'),
  title: globs(['Database *']).describe(
    'Globs for the domain title; one of them must match. A guest without a title does not match.',
  ),
  tags: z
    .record(z.string(), z.array(z.string().max(GLOB_MAX)).min(1).max(64))
    .optional()
    .describe(
      'Globs for tags, by the name of the tag; every tag given must be there and match. Tags are the attributes of the element tags in the namespace urn:ballonet:domain:1 of the domain metadata.',
    )
    .meta({ examples: [{ tier: ['gold', 'silver'] }] }),
  os: globs(['http://debian.org/*']).describe(
    "Globs for the operating system by libosinfo's id, such as http://debian.org/debian/12, which virt-install and virt-manager leave in the domain metadata.",
  ),
  memory: z
    .strictObject({
      min: size().optional().describe('The least maximum memory.'),
      max: size().optional().describe('The largest maximum memory.'),
    })
    .optional()
    .describe("Bounds of the guest's maximum memory, both inclusive."),
  expression: expression('guest.max >= 4 * GiB')
    .optional()
    .describe(
      'CEL condition over what does not change while a guest runs: guest.name, uuid, title, tags, os and max. A guest for which it cannot be evaluated does not match.',
    ),
});
