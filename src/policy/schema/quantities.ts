import { z } from 'zod';
import {
  type Bytes,
  formatDuration,
  formatSize,
  type Parsed,
  parseDuration,
  parsePercent,
  parseRate,
  parseSize,
  type Ratio,
  type Seconds,
} from '../../model/units.ts';
import type { Amount, Pool } from '../policy-set.ts';
import type { DiagnosticCode } from '../source/diagnostics.ts';

/** Inclusive limits of a quantity, in its inner unit. */
interface Limits {
  readonly min?: number;
  readonly max?: number;
}

interface Quantity<T> {
  /** For the messages: `size`, `duration`. */
  readonly what: string;
  readonly example: string;
  /** Pattern of the text for JSON Schema, so that editors refuse what the parser refuses. */
  readonly pattern: string;
  readonly read: (text: string) => Parsed<T>;
  /** The limit that the value breaks, as a sentence; undefined if it breaks none. */
  readonly check: (value: T) => string | undefined;
}

const NUMBER = String.raw`\d+(\.\d+)?\s*`;
const SIZE_PATTERN = `${NUMBER}([KMGT]iB|[kMGT]?B)`;
const PERCENT_PATTERN = `${NUMBER}%`;

/**
 * A text with a unit, read into its inner unit.
 *
 * The input type is unknown rather than string, so that a bare number gets the sentence about its missing unit.
 */
function quantity<T>({ what, example, pattern, read, check }: Quantity<T>): z.ZodType<T> {
  const schema = z.unknown().transform((input, context): T => {
    const fail = (code: DiagnosticCode, message: string): never => {
      context.addIssue({ code: 'custom', message, params: { code } });
      return z.NEVER;
    };
    if (typeof input === 'number')
      return fail('POLICY_UNIT', `${input} has no unit; write a ${what} such as ${example}`);
    if (typeof input !== 'string') return fail('POLICY_TYPE', `expected a ${what} such as ${example}`);
    const parsed = read(input);
    if ('problem' in parsed) return fail('POLICY_UNIT', parsed.problem);
    const broken = check(parsed.value);
    return broken === undefined ? parsed.value : fail('POLICY_RANGE', broken);
  });
  return schema.meta({
    title: what,
    type: 'string',
    pattern: `^${pattern}$`,
    examples: example.split(/, | or /),
  });
}

function within(limits: Limits, format: (value: number) => string): (value: number) => string | undefined {
  return value => {
    if (limits.min !== undefined && value < limits.min)
      return `${format(value)} is too small; the least is ${format(limits.min)}`;
    if (limits.max !== undefined && value > limits.max)
      return `${format(value)} is too large; the most is ${format(limits.max)}`;
    return undefined;
  };
}

const formatPercent = (ratio: Ratio): string => `${Number((ratio * 100).toFixed(4))}%`;

/** A size such as `512MiB`, in bytes. */
export function size(limits: Limits = {}): z.ZodType<Bytes> {
  const check = within(limits, formatSize);
  return quantity({ what: 'size', example: '512MiB', pattern: SIZE_PATTERN, read: parseSize, check });
}

/** A duration such as `30s`, in seconds. */
export function duration(limits: Limits = {}): z.ZodType<Seconds> {
  const check = within(limits, formatDuration);
  return quantity({
    what: 'duration',
    example: '30s',
    pattern: `${NUMBER}(ms|s|m|h|d)`,
    read: parseDuration,
    check,
  });
}

/** A rate such as `1GiB/min`, in bytes per second; never zero, which would forbid every move without saying so. */
export function rate(): z.ZodType<number> {
  return quantity({
    what: 'rate',
    example: '1GiB/min',
    pattern: `${SIZE_PATTERN}/(s|min|m|h)`,
    read: parseRate,
    check: value => (value >= 1 ? undefined : 'the rate is under one byte a second'),
  });
}

/** A quantity, or a word that stands for one of its values. */
export function quantityOr<T>(word: string, value: T, schema: z.ZodType<T>): z.ZodType<T> {
  const meta = schema.meta();
  const either = z.unknown().transform((input, context): T => {
    if (input === word) return value;
    const result = schema.safeParse(input);
    if (result.success) return result.data;
    for (const { message, ...issue } of result.error.issues) {
      const params = issue.code === 'custom' ? issue.params : undefined;
      context.addIssue({
        code: 'custom',
        message: `${message}; or write ${word}`,
        ...(params && { params }),
      });
    }
    return z.NEVER;
  });
  return either.meta({
    ...meta,
    pattern: `^(${word}|${String(meta?.pattern).slice(1, -1)})$`,
    examples: [word],
  });
}

/** A size or a share: `4GiB` or `25%`. */
export function amount(limits: { readonly ratio: Limits; readonly bytes: Limits }): z.ZodType<Amount> {
  const [checkRatio, checkBytes] = [within(limits.ratio, formatPercent), within(limits.bytes, formatSize)];
  return quantity<Amount>({
    what: 'size or percentage',
    example: '25%',
    pattern: `(${SIZE_PATTERN}|${PERCENT_PATTERN})`,
    read: text => {
      if (text.trim().endsWith('%')) {
        const parsed = parsePercent(text);
        return 'problem' in parsed ? parsed : { value: { ratio: parsed.value } };
      }
      const parsed = parseSize(text);
      return 'problem' in parsed ? parsed : { value: { bytes: parsed.value } };
    },
    check: value => ('ratio' in value ? checkRatio(value.ratio) : checkBytes(value.bytes)),
  });
}

/** A number of things or a share of them: `8` or `50%`. The one quantity whose bare number means something. */
export function countOrPercent(): z.ZodType<{ readonly count: number } | { readonly ratio: Ratio }> {
  const what = { what: 'number or percentage', example: '50%', pattern: PERCENT_PATTERN };
  const percent = quantity<{ readonly ratio: Ratio }>({
    ...what,
    read: text => {
      const parsed = parsePercent(text);
      return 'problem' in parsed ? parsed : { value: { ratio: parsed.value } };
    },
    check: ({ ratio }) =>
      ratio > 0 && ratio <= 1 ? undefined : 'the percentage is above 0% and at most 100%',
  });
  return z
    .unknown()
    .transform((input, context): { readonly count: number } | { readonly ratio: Ratio } => {
      if (typeof input === 'number') {
        if (Number.isSafeInteger(input) && input >= 1) return { count: input };
        context.addIssue({
          code: 'custom',
          message: `${input} is not a whole number of at least 1`,
          params: { code: 'POLICY_RANGE' },
        });
        return z.NEVER;
      }
      const result = percent.safeParse(input);
      if (result.success) return result.data;
      for (const issue of result.error.issues) {
        const params = issue.code === 'custom' ? issue.params : undefined;
        context.addIssue({ code: 'custom', message: issue.message, ...(params && { params }) });
      }
      return z.NEVER;
    })
    .meta({
      title: 'number or percentage',
      anyOf: [
        { type: 'integer', minimum: 1 },
        { type: 'string', pattern: `^${NUMBER}%$` },
      ],
      examples: [8, '50%'],
    });
}

/** Where the host's pool comes from: `auto`, a size, or `cgroup:/path`. */
export function pool(): z.ZodType<Pool> {
  return quantity<Pool>({
    what: 'pool',
    example: 'auto, 64GiB or cgroup:/machine.slice',
    pattern: `(auto|cgroup:/.*|${SIZE_PATTERN})`,
    read: text => {
      if (text === 'auto') return { value: { kind: 'auto' } };
      if (text.startsWith('cgroup:'))
        return { value: { kind: 'cgroup', path: text.slice('cgroup:'.length) } };
      const parsed = parseSize(text);
      return 'problem' in parsed ? parsed : { value: { kind: 'size', bytes: parsed.value } };
    },
    check: value => {
      if (value.kind === 'size' && value.bytes < POOL_MIN)
        return `${formatSize(value.bytes)} is too small; the least is ${formatSize(POOL_MIN)}`;
      if (value.kind === 'cgroup' && !isCgroupPath(value.path)) {
        return 'a cgroup is named by its absolute path below the cgroup tree, without . or .. in it';
      }
      return undefined;
    },
  });
}

const POOL_MIN = 64 * 1024 ** 2;

function isCgroupPath(path: string): boolean {
  return (
    path.startsWith('/') &&
    !path.includes('\0') &&
    !path.split('/').some(part => part === '.' || part === '..')
  );
}
