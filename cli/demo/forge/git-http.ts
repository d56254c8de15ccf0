import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'

const services = ['git-upload-pack', 'git-receive-pack'] as const

/** One request of Git's smart HTTP protocol (gitprotocol-http), by Git itself.
 *  @param repository a bare one @param way what follows its URL, as `/info/refs` @returns whether it was one */
export function gitHttp(
  repository: string,
  way: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const isAsked = request.method === 'GET' && way === '/info/refs'
  const service = services.find(name => (isAsked ? query.get('service') === name : way === `/${name}`))
  if (!service || (!isAsked && request.method !== 'POST')) return false
  const kind = isAsked ? 'advertisement' : 'result'
  response.writeHead(200, {
    'content-type': `application/x-${service}-${kind}`,
    'cache-control': 'no-cache',
  })
  const git = spawn(
    'git',
    [service.slice(4), '--stateless-rpc', ...(isAsked ? ['--advertise-refs'] : []), repository],
    {
      env: { ...process.env, GIT_PROTOCOL: request.headers['git-protocol']?.toString() ?? '' },
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  )
  git.on('error', () => response.destroy())
  git.stdin.on('error', () => {}) // it may answer, and exit, before it has read everything
  response.on('close', () => git.kill())
  if (isAsked) response.write(`${packet(`# service=${service}\n`)}0000`)
  const isZipped = request.headers['content-encoding'] === 'gzip'
  if (isZipped) pipeline(request, createGunzip(), git.stdin, () => {})
  else request.pipe(git.stdin)
  git.stdout.pipe(response)
  return true
}

/** As a pkt-line: its length, with that of the length, in hexadecimal digits. */
const packet = (text: string) => (text.length + 4).toString(16).padStart(4, '0') + text
