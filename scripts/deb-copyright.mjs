// debian/copyright (DEP-5) of Ballonet and the modules that its package carries, from what each module says of itself.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Licences of which Debian has the text. */
const COMMON = { 'Apache-2.0': '/usr/share/common-licenses/Apache-2.0' };

/** @param {string} root @param {readonly string[]} modules folders, such as node_modules/yaml */
export function copyrightFile(root, modules) {
  const licences = new Map([['Apache-2.0', '']]);
  const stanzas = modules.map(folder => {
    const { license, author } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
    const text = licenceText(path.join(root, folder));
    if (typeof license !== 'string') throw new Error(`${folder} does not name its licence`);
    const own = text?.replace(/^.*\bcopyright\b.*(\d|\(c\)|©).*$/gim, '').trim();
    if (own !== undefined || !licences.has(license))
      licences.set(license, licences.get(license) || own || '');
    const holders = [...(text ?? '').matchAll(/^\W*copyright\W.*(?:\d|\(c\)|©).*$/gim)]
      .map(([line]) => line.replace(/^[\W]*copyright\s*(\(c\)|©)?\s*/i, '').trim())
      .filter(line => line !== '' && !line.includes('[yyyy]'));
    const named = typeof author === 'string' ? author : (author?.name ?? 'its authors');
    return [
      `Files: usr/lib/ballonet/${folder}/*`,
      `Copyright: ${(holders.length > 0 ? holders : [named]).join('\n           ')}`,
      `License: ${license}`,
    ].join('\n');
  });
  const texts = [...licences].map(([name, text]) => {
    const common = COMMON[name];
    if (common === undefined && text === '') throw new Error(`no module has the text of the licence ${name}`);
    return `License: ${name}\n${common === undefined ? indented(text) : ` On Debian systems, its text is in ${common}.`}`;
  });
  const head = 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/';
  const own = 'Files: *\nCopyright: The Ballonet authors\nLicense: Apache-2.0';
  return `${[head, own, ...stanzas, ...texts].join('\n\n')}\n`;
}

function licenceText(folder) {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find(file => /^licen[cs]e(\.|$)/i.test(file));
  return name === undefined ? undefined : readFileSync(path.join(folder, name), 'utf8');
}

function indented(text) {
  return text
    .split('\n')
    .map(line => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}
