import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Authority {
  /** What others must trust, in PEM. */
  caFile: string
  /** Of a server on 127.0.0.1 that it vouches for. */
  tls: { key: Buffer; cert: Buffer }
}

/** An authority that nobody knows, made with openssl. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder })
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl(
    ...newKey,
    '-x509',
    '-subj',
    '/CN=Authority',
    '-days',
    '2',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  await openssl(...newKey, '-subj', '/CN=Server', '-keyout', 'server.key', '-out', 'server.csr')
  await writeFile(join(folder, 'names'), 'subjectAltName = IP:127.0.0.1\n')
  const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial']
  await openssl(
    ...['x509', '-req', '-in', 'server.csr', ...ca, '-days', '2'],
    ...['-extfile', 'names', '-out', 'server.pem'],
  )
  const [key, cert] = await Promise.all(
    ['server.key', 'server.pem'].map(name => readFile(join(folder, name))),
  )
  return { caFile: join(folder, 'ca.pem'), tls: { key: key!, cert: cert! } }
}
