import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  certFile: string
  keyFile: string
}

export interface Authority extends Certificate {
  /** @param subject as openssl has it: `/O=system:masters/CN=admin`. @param names `IP:127.0.0.1`, `DNS:localhost` */
  issue(name: string, subject: string, names?: string[]): Promise<Certificate>
  /** Its own certificate, as objects of Kubernetes have it: in base64. */
  bundle(): Promise<string>
}

/** The authority of a test cluster, with openssl. Its files are in `folder`. */
export async function makeAuthority(folder: string): Promise<Authority> {
  // Not the machine's own settings, which make an authority of every certificate that signs itself.
  const config = join(folder, 'openssl.cnf')
  await writeFile(config, '[req]\ndistinguished_name = name\n[name]\n')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const certificate = async (name: string, subject: string, extensions: string[], signer: string[]) => {
    const [certFile, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
    const added = extensions.flatMap(extension => ['-addext', extension])
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-config', config, '-days', '30', '-subj', subject, ...newKey],
      ...[...added, ...signer, '-keyout', keyFile, '-out', certFile],
    ])
    return { certFile, keyFile }
  }
  const use = 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature'
  const ca = await certificate('ca', '/CN=test-cluster', ['basicConstraints=critical,CA:TRUE', use], [])
  return {
    ...ca,
    bundle: () => readFile(ca.certFile, 'base64'),
    issue: (name, subject, names = []) =>
      certificate(
        name,
        subject,
        [
          'basicConstraints=critical,CA:FALSE',
          'extendedKeyUsage=serverAuth,clientAuth',
          ...(names.length > 0 ? [`subjectAltName=${names.join(',')}`] : []),
        ],
        ['-CA', ca.certFile, '-CAkey', ca.keyFile],
      ),
  }
}

/** Who uses `certificate` at the API server. @returns the file, with all that it needs inside */
export async function writeKubeconfig(
  file: string,
  server: string,
  ca: Certificate,
  certificate: Certificate,
): Promise<string> {
  const base64 = (path: string) => readFile(path, 'base64')
  const cluster = { server, 'certificate-authority-data': await base64(ca.certFile) }
  const user = {
    'client-certificate-data': await base64(certificate.certFile),
    'client-key-data': await base64(certificate.keyFile),
  }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  }
  await writeFile(file, JSON.stringify(config, null, 2), { mode: 0o600 })
  return file
}
