import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Emit, Feed } from './feed.ts'

const maxBodyBytes = 1024 * 1024

/** Takes POSTed JSON: one value a request, or one a line as `application/x-ndjson`. Answers 202 once the broker
 *  has every record, 503 with `retry-after` while the graph is full. */
export class HttpFeed implements Feed {
  #port: number
  #path: string
  #host: string | undefined
  #paused = false
  #server: Server | undefined

  /** @param host address to listen on; `*` for all */
  constructor({ port, path }: { port: number; path: string }, host: string) {
    this.#port = port
    this.#path = path
    this.#host = host === '*' ? undefined : host
  }

  async start(emit: Emit) {
    const { createServer } = await import('node:http') // 9 MB and 60 ms that no other host needs
    const server = createServer((request, response) => {
      this.#handle(request, response, emit).catch(() => response.destroy())
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // The host before may still listen: both can, until it has let go of the session.
      const reusePort = process.platform === 'linux'
      server.listen(
        { port: this.#port, reusePort, ...(this.#host !== undefined && { host: this.#host }) },
        resolve,
      )
    })
  }

  pause() {
    this.#paused = true
  }

  resume() {
    this.#paused = false
  }

  async stop() {
    this.#server?.closeAllConnections()
    await new Promise(resolve => (this.#server ? this.#server.close(resolve) : resolve(undefined)))
  }

  async #handle(request: IncomingMessage, response: ServerResponse, emit: Emit) {
    const { pathname } = new URL(request.url ?? '/', 'http://source')
    if (pathname !== this.#path)
      return answer(response, 404, { error: `nothing here: POST to ${this.#path}` })
    if (request.method !== 'POST') return answer(response, 405, { error: 'POST JSON' }, { allow: 'POST' })
    if (this.#paused) return answer(response, 503, { error: 'the dataflow is full' }, { 'retry-after': '1' })
    const body = await readBody(request)
    if (!body)
      return answer(
        response,
        413,
        { error: `over the limit of ${maxBodyBytes} bytes` },
        { connection: 'close' },
      )
    const values = parseBody(body, request.headers['content-type'] ?? '')
    if (!values) return answer(response, 400, { error: 'the body is not JSON' })
    const results = await Promise.all(values.map(value => new Promise(done => emit({ value, done }))))
    const accepted = results.filter(result => result === 'sent').length
    answer(response, accepted === values.length ? 202 : 503, { accepted })
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseBody(body: Buffer, type: string): unknown[] | undefined {
  const text = body.toString()
  const parts = type.startsWith('application/x-ndjson')
    ? text.split('\n').filter(line => line.trim() !== '')
    : [text]
  try {
    return parts.map(part => JSON.parse(part))
  } catch {
    return undefined
  }
}

function answer(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(`${JSON.stringify(body)}\n`)
}
