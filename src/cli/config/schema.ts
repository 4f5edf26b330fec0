import { z } from 'zod';
import { parseAddress } from '../../api/address.ts';
import { ApiVersion } from '../../policy/schema/fields.ts';
import { LOG_LEVELS } from '../../telemetry/log.ts';

const BESIDE = 'A path that does not begin with / is taken from the folder of this file.';

function file(what: string, example: string): z.ZodOptional<z.ZodString> {
  return z
    .string()
    .min(1)
    .optional()
    .describe(what)
    .meta({ examples: [example] });
}

function names(what: string) {
  return z
    .array(z.string().min(1).max(256))
    .max(100)
    .optional()
    .describe(`Whose certificate ${what}: a common name, sha256:FINGERPRINT, or * for all of the authority.`)
    .meta({ examples: [['console', 'sha256:9F:86:…']] });
}

const Tls = z.strictObject({
  cert: file('Certificate of `listen`, PEM, with the chain up to its authority.', 'tls/ballonet.pem'),
  key: file('Its key.', 'tls/ballonet.key'),
  clientCa: file('Authority of the certificates by which clients are known.', 'tls/clients.pem'),
  read: names('may read'),
  write: names('may change things'),
});

/** What `ballonet run` is started with, in a file instead of flags. A field means what the flag of its name does. */
export const ConfigDocument = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('Config').describe('Kind of the document.'),
  spec: z
    .strictObject({
      connect: z
        .string()
        .min(1)
        .optional()
        .describe('The hypervisor to talk to, as `-c` names it.')
        .meta({ examples: ['qemu:///system'] }),
      policies: z
        .array(z.string().min(1))
        .min(1)
        .max(256)
        .optional()
        .describe(`Policy files and folders of them, together one set. ${BESIDE}`)
        .meta({ examples: [['policies']] }),
      dryRun: z
        .boolean()
        .optional()
        .describe('Decide and log, move nothing, and try the policy on models of the guests.')
        .meta({ examples: [true] }),
      shadows: z
        .array(z.string().min(1))
        .max(16)
        .optional()
        .describe('Other policy sets, each to be tried on models of the guests.')
        .meta({ examples: [['candidates/dense.yaml']] }),
      state: file('Folder for what a restart must know.', '/var/lib/ballonet'),
      socket: file('Unix socket of the API.', '/run/ballonet/ballonet.sock'),
      listen: z
        .string()
        .optional()
        .superRefine((text, context) => {
          const parsed = text === undefined ? undefined : parseAddress(text);
          if (parsed !== undefined && 'problem' in parsed)
            context.addIssue({ code: 'custom', message: parsed.problem });
        })
        .describe('TCP address of the API as well.')
        .meta({ examples: ['127.0.0.1:9180'] }),
      tokenFile: file('File with the token of those who may change things over TCP.', 'write.token'),
      readTokenFile: file('File with the token of those who may read over TCP.', 'read.token'),
      tls: Tls.optional().describe(
        'TLS for `listen`. Files are read anew on SIGHUP; all else takes a restart.',
      ),
      logLevel: z.enum(LOG_LEVELS).optional().describe('Least severe level to log.'),
    })
    .describe('What the daemon is started with. Flags of `run` win over it.'),
});

export type ConfigSpec = z.output<typeof ConfigDocument>['spec'];
