import { execFile } from 'node:child_process'
import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface TokenServer {
  /** Where tokens are asked for. */
  realm: string
  service: string
  issuer: string
  certificateFile: string
  /** Scopes that were asked for so far. */
  asked: string[][]
  /** Of the tokens that it gives from now on. */
  lifeSeconds: number
  close(): Promise<void>
}

/** Gives tokens as the Docker registry wants them (token authentication specification): a JWT that its certificate
 *  vouches for. Who has the password may do all that is asked for; nobody else gets anything. */
export async function startTokenServer(folder: string, users: Record<string, string>): Promise<TokenServer> {
  const key = join(folder, 'token.key')
  const certificateFile = join(folder, 'token.pem')
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', '/CN=Tokens', '-days', '2', '-keyout', key, '-out', certificateFile],
  ])
  const privateKey = createPrivateKey(await readFile(key))
  const chain = [new X509Certificate(await readFile(certificateFile)).raw.toString('base64')]
  const [service, issuer] = ['registry', 'test tokens']

  const tokenFor = (subject: string, scopes: string[]) => {
    const now = Math.floor(Date.now() / 1000)
    const access = scopes.map(scope => {
      const [type, name, actions] = scope.split(':')
      return { type, name, actions: actions!.split(',') }
    })
    const claims = {
      ...{ iss: issuer, sub: subject, aud: service, jti: randomUUID(), access },
      ...{ iat: now, nbf: now - 5, exp: now + handle.lifeSeconds },
    }
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ typ: 'JWT', alg: 'ES256', x5c: chain })}.${part(claims)}`
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }

  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://host')
    const scopes = searchParams.getAll('scope')
    handle.asked.push(scopes)
    const given = Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString()
    const [user, password] = given.split(':')
    response.setHeader('content-type', 'application/json')
    if (!user || users[user] !== password) {
      response.writeHead(401).end('{"errors": [{"code": "UNAUTHORIZED", "message": "wrong password"}]}')
      return
    }
    response.end(JSON.stringify({ token: tokenFor(user, scopes), expires_in: handle.lifeSeconds }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const handle: TokenServer = {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service,
    issuer,
    certificateFile,
    asked: [],
    lifeSeconds: 300,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return handle
}
