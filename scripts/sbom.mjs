// What Ballonet is made of, as CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json): `npm run sbom` prints it, the Debian package carries it.
//
// `npm sbom` draws a number and a time into each one; this is the same for the same lock file, so that two can be compared.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The modules that Ballonet runs on, by what package-lock.json pins of them.
 *
 * @param {string} root
 * @param {(module: { optional?: boolean }) => boolean} [wanted]
 */
export function billOfMaterials(root, wanted = () => true) {
  const read = name => JSON.parse(readFileSync(path.join(root, name), 'utf8'));
  const { name, version, description, license } = read('package.json');
  const modules = Object.entries(read('package-lock.json').packages).filter(
    ([folder, module]) => folder !== '' && module.dev !== true && wanted(module),
  );
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: { ...component(name, version, license), type: 'application', description },
    },
    components: modules.map(([folder, module]) => ({
      ...component(folder.split('node_modules/').at(-1), module.version, module.license),
      scope: module.optional === true ? 'optional' : 'required',
      hashes: [hashOf(folder, module)],
    })),
  };
}

function component(name, version, license) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license && { licenses: [{ expression: license }] }),
  };
}

function hashOf(folder, { integrity = '' }) {
  const [, base64] = /^sha512-(.+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`package-lock.json: ${folder} has no SHA-512`);
  return { alg: 'SHA-512', content: Buffer.from(base64, 'base64').toString('hex') };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(billOfMaterials(fileURLToPath(new URL('..', import.meta.url))), null, 2));
