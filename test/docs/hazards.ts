/** docs/hazards.md: what can go wrong with a balloon, and where Ballonet answers it. Code and tests are found by the hazard's id. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What goes wrong, and the rule that answers it; by number. */
export const HAZARDS: readonly (readonly [wrong: string, rule: string])[] = [
  [
    'The guest kills a process after its balloon was filled',
    'A target is never under the guarantee, nor under use and an absolute reserve',
  ],
  [
    'A target that the guest cannot reach makes it reclaim for ever',
    'A shrink that comes to a stand is withdrawn; back-off of 10 minutes, doubling to an hour',
  ],
  [
    'A formula collapses on an idle guest',
    'The reserve is absolute; at most half the slack at once while a shrink is on probation',
  ],
  [
    'Relief in parts stalls',
    'Relief is derived from need, goes up at once, and asks neither step nor cooldown',
  ],
  ['Guests under pressure are shrunk with the others', 'A guest in distress never donates'],
  [
    'A wrong policy breaks a guarantee',
    'The guard works every limit out once more, out of reach of policies',
  ],
  ["The kernel's own share of the size is forgotten", "The kernel's share is learned and kept above use"],
  ['Software sized for the memory at its start', 'Guarantees, exclusion and precedence by policy'],
  [
    'A reboot is squeezed by the target of before',
    'A guest that boots is given its maximum and a minute of grace',
  ],
  [
    'Statistics were never asked for, or stand still',
    'The period is armed at every start; freshness by the host clock',
  ],
  ['A fresh time stamp on an empty report', 'Required figures must be there and plausible'],
  ['Figures of an earlier boot', 'Epochs: nothing is compared across a start, reboot or counter that falls'],
  ['Swapping out makes a guest look comfortable', 'It is not shrunk, and what it evicted counts as need'],
  ['zswap hides swapping', 'Major faults are a second sign'],
  ['Auto-deflate changes what MemTotal means', 'Use is worked out from the maximum there'],
  ['Page cache looks like slack', 'Faults after a shrink roll it back'],
  ["Windows' figures mean something else", 'They are read by operating system'],
  ['A guest without statistics', 'It is never shrunk'],
  [
    'Host memory that is not what it seems (ZFS, graphics, huge pages)',
    'Named correction terms of host.available',
  ],
  ['A guest that lies or refuses', 'Resident memory is the check; it can hurt only its own share'],
  ['Inflating frees nothing on the host', 'Known from the XML, or found by three shrinks without effect'],
  ['A step larger than the dead band oscillates', 'A lint at load; targets, not steps'],
  ['A target derived from what is left cycles', 'Targets are totals'],
  ['Acting twice on one report, or on a move under way', 'One decision a report, one move a guest'],
  ['Growing too slowly', 'Growth has no rate; use between reports is seen from resident memory'],
  ['Two controllers', 'A lease in the metadata; a foreign change makes Ballonet stay off that guest'],
  ['All guests want memory at once', 'The budget first; shares; a part of the host kept for distress'],
  ['The host kills a guest', 'The reserve is never planned away; the daemon says when guarantees do not fit'],
  ['Harm after a shrink', 'Probation, roll-back, learned floor'],
  ['A hung QEMU blocks its caller', 'Deadlines, a second connection for writes, others are asked one by one'],
  ['Migration, snapshot and backup jobs', 'A guest with a job is left alone'],
  ['libvirtd restarts', 'Everything is collected anew before anything moves'],
  ['The controller dies', 'State file, release after a failure, watchdog'],
  ['A storm of events', 'Several events of one reset are one epoch'],
  ['State kept or lost over a cold start', 'Every start is reconciled'],
  ['A squeeze that persists', 'Only the running balloon is moved'],
  ['A name or id is used again', 'Guests are known by uuid and epoch'],
  ['Units', 'Bytes inside, KiB in one place'],
  ['Churn costs the host its huge pages', 'Smallest step, cooldown, dead band'],
  ['Free page reporting beside ballooning', 'It is seen, and not counted twice'],
  ['Drivers with faults', 'A target is never above the maximum'],
  ['Guests that shut down, sleep or are paused', 'Only running guests are moved'],
];

/** Files under these folders whose text names the hazard, relative to the root. */
function filesNaming(
  folders: readonly string[],
  wanted: (file: string) => boolean,
  pattern: RegExp,
): string[] {
  return folders
    .flatMap(folder =>
      readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(name =>
        path.join(folder, name),
      ),
    )
    .filter(file => file.endsWith('.ts') && wanted(file))
    .filter(file => pattern.test(readFileSync(path.join(ROOT, file), 'utf8')))
    .sort();
}

export interface HazardRow {
  readonly id: string;
  readonly code: readonly string[];
  readonly tests: readonly string[];
}

export function hazardRows(): HazardRow[] {
  return HAZARDS.map((_, index) => {
    const id = `H${index + 1}`;
    const isTest = (file: string) => file.endsWith('.test.ts');
    return {
      id,
      code: filesNaming(['src'], file => !isTest(file), new RegExp(`\\b${id}\\b`)),
      tests: filesNaming(['src', 'test'], isTest, new RegExp(`['"\`]${id}\\b`)),
    };
  });
}

export function hazardsPage(): string {
  const links = (files: readonly string[]) =>
    files.length === 0 ? 'not yet' : files.map(file => `[${path.basename(file)}](../${file})`).join(', ');
  const rows = hazardRows().map(({ id, code, tests }, index) => {
    const [wrong, rule] = HAZARDS[index] ?? ['', ''];
    return `| ${id} | ${wrong} | ${rule} | ${links(code)} | ${links(tests)} |`;
  });
  return `${[
    '# Hazards',
    '',
    '<!-- Made from the code by `npm run docs`. -->',
    '',
    'What can go wrong when balloons move by themselves, and what Ballonet does about it. Code and tests are those that name the hazard;',
    '`not yet` says that none does. `npm run mutate` takes the rules out one by one and expects the tests to fail.',
    '',
    '| | what goes wrong | rule | code | tests |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`;
}
