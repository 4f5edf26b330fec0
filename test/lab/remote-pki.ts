/** A certificate authority of a test's own, by openssl. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './process.ts';

interface CertificateOptions {
  /** For a server: `DNS:NAME` and `IP:ADDRESS`. Left out: a client's certificate. */
  readonly names?: readonly string[];
  /** Its time is over. */
  readonly expired?: boolean;
}

export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface TestAuthority {
  /** The authority's own certificate. */
  readonly certificate: string;
  issue(name: string, options?: CertificateOptions): Promise<Issued>;
  /** Revokes what was issued and gives the list of all that is revoked. */
  revoke(issued: Issued): Promise<string>;
}

const CONFIG = `[req]
distinguished_name = subject
prompt = no
[subject]
CN = test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[ca]
default_ca = settings
[settings]
database = DIR/index
serial = DIR/serial
crlnumber = DIR/crlnumber
new_certs_dir = DIR
certificate = DIR/cacert.pem
private_key = DIR/cakey.pem
default_md = sha256
default_days = 2
default_crl_days = 2
policy = anything
unique_subject = no
[anything]
commonName = supplied
`;

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes the authority in a folder, which it creates. */
export async function createAuthority(folder: string): Promise<TestAuthority> {
  await mkdir(folder);
  const config = join(folder, 'openssl.cnf');
  const certificate = join(folder, 'cacert.pem');
  const openssl = (...args: string[]): Promise<string> => run('/usr/bin/openssl', args);
  await writeFile(config, CONFIG.replaceAll('DIR', folder));
  await writeFile(join(folder, 'index'), '');
  await writeFile(join(folder, 'serial'), '01\n');
  await writeFile(join(folder, 'crlnumber'), '01\n');
  const self = ['-x509', ...EC_KEY, '-keyout', join(folder, 'cakey.pem'), '-out', certificate, '-days', '2'];
  await openssl('req', '-config', config, ...self, '-extensions', 'authority', '-subj', '/CN=Test CA');

  return {
    certificate,
    async issue(name, { names, expired = false } = {}) {
      const file = (end: string): string => join(folder, `${name}.${end}`);
      const [key, request, issued, extensions] = [file('key'), file('csr'), file('crt'), file('ext')];
      const usage = names ? `serverAuth\nsubjectAltName = ${names.join(',')}` : 'clientAuth';
      await writeFile(
        extensions,
        `basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature, keyEncipherment\nextendedKeyUsage = ${usage}\n`,
      );
      await openssl(
        ...['req', '-config', config, '-new', ...EC_KEY, '-subj', `/CN=${name}`],
        ...['-keyout', key, '-out', request],
      );
      const dates = expired ? ['-startdate', '20200101000000Z', '-enddate', '20200201000000Z'] : [];
      await openssl(
        ...['ca', '-batch', '-config', config, '-notext', '-extfile', extensions, ...dates],
        ...['-in', request, '-out', issued],
      );
      return { certificate: issued, key };
    },
    async revoke({ certificate: revoked }) {
      const list = join(folder, 'cacrl.pem');
      await openssl('ca', '-config', config, '-revoke', revoked);
      await openssl('ca', '-config', config, '-gencrl', '-out', list);
      return list;
    },
  };
}
