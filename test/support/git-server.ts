import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface GitServer {
  /** Of the folder that holds the repositories: append `/name.git`. */
  url: string
  /** Requests so far, as `GET /name.git/info/refs`. */
  requests: string[]
  /** Holds back every answer from now on by this many ms. */
  delayMs: number
  stop(): Promise<void>
}

/**
 * Serves the bare repositories in `folder` over smart HTTP, with push, through Git's own `http-backend`.
 * @param options.host  address to listen on
 * @param options.auth  asked of every request (HTTP basic) when given
 * @param options.tls  over HTTPS when given; see `makeAuthority`
 */
export async function startGitServer(
  folder: string,
  options: {
    host?: string
    auth?: { username: string; password: string }
    tls?: { key: Buffer; cert: Buffer }
  } = {},
): Promise<GitServer> {
  const { host = '127.0.0.1', auth, tls } = options
  const expected = auth && `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
  const stopping = new AbortController()
  const answer: RequestListener = async (request, response) => {
    handle.requests.push(`${request.method} ${new URL(request.url!, 'http://host').pathname}`)
    await sleep(handle.delayMs, undefined, { signal: stopping.signal }).catch(() => {})
    if (expected && request.headers.authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
      return
    }
    runBackend(folder, request, response)
  }
  const server = tls ? createTlsServer(tls, answer) : createServer(answer)
  await new Promise<void>(done => server.listen(0, host, done))
  const handle: GitServer = {
    url: `${tls ? 'https' : 'http'}://${host}:${(server.address() as AddressInfo).port}`,
    requests: [],
    delayMs: 0,
    async stop() {
      stopping.abort()
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return handle
}

/** One request as CGI (RFC 3875): request in environment and stdin, headers and body from stdout. */
function runBackend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url!, 'http://host')
  const backend = spawn('git', ['-c', 'http.receivepack=true', 'http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      REQUEST_METHOD: request.method,
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      HTTP_GIT_PROTOCOL: request.headers['git-protocol']?.toString() ?? '',
      GIT_PROTOCOL: request.headers['git-protocol']?.toString() ?? '',
      REMOTE_ADDR: request.socket.remoteAddress,
      REMOTE_USER: 'test',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(backend.stdin)
  backend.stdin.on('error', () => {}) // it may answer, and exit, before it has read everything
  response.on('close', () => backend.kill())
  let head = Buffer.alloc(0)
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    for (const line of head.subarray(0, end).toString().split('\r\n')) {
      const [, name, value] = /^([^:]+): *(.*)$/.exec(line)!
      if (name === 'Status') response.statusCode = Number.parseInt(value!, 10)
      else response.setHeader(name!, value!)
    }
    response.write(head.subarray(end + 4))
    backend.stdout.off('data', readHead).pipe(response)
  }
  backend.stdout.on('data', readHead)
}
