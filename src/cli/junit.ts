import { formatDiagnostic } from '../policy/source/diagnostics.ts';
import { failureLines, type TestRecord, type TestReport } from './test-report.ts';

/**
 * The report in the XML form of JUnit that build servers read: a suite for each file, a case for each test. What kept tests from
 * running is an error in a case of its own, so that no server takes a refused file for a passed one.
 */
export function junitReport({ files, records, diagnostics }: TestReport): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const places = [...new Set([...files, ...errors.map(({ file }) => file)])];
  const suites = places.flatMap(file => {
    const own = records.filter(({ test }) => test.source.file === file);
    const cases = own.map(record => caseOf(file, record));
    const problems = errors.filter(diagnostic => diagnostic.file === file);
    if (problems.length > 0) {
      const text = problems.map(formatDiagnostic).join('\n');
      const code = problems[0]?.code ?? '';
      cases.push(
        `    <testcase classname="${escapeXml(file)}" name="is valid">\n      <error type="${code}" message="${escapeXml(problems[0]?.message ?? '')}">${escapeXml(text)}</error>\n    </testcase>`,
      );
    }
    const failures = own.filter(record => record.failures.length > 0).length;
    const counts = `tests="${cases.length}" failures="${failures}" errors="${problems.length > 0 ? 1 : 0}"`;
    const time = own.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
    return [`  <testsuite name="${escapeXml(file)}" ${counts} time="${time}">`, ...cases, '  </testsuite>'];
  });
  return `${['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="ballonet test">', ...suites, '</testsuites>'].join('\n')}\n`;
}

function caseOf(file: string, { test, failures, seconds }: TestRecord): string {
  const open = `    <testcase classname="${escapeXml(file)}" name="${escapeXml(test.name)}" time="${seconds.toFixed(3)}"`;
  if (failures.length === 0) return `${open}/>`;
  const [message = ''] = failures.flatMap(failure => failureLines(failure).slice(0, 1));
  const text = failures.map(failure => failureLines(failure).join('\n')).join('\n');
  const type = failures[0]?.kind ?? '';
  return `${open}>\n      <failure type="${type}" message="${escapeXml(message)}">${escapeXml(text)}</failure>\n    </testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML 1.0 has no way at all to write most control characters, lone surrogates and U+FFFE (section 2.2). */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"']/g, character => ENTITIES[character] ?? character);
}
