import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { rootCertificates } from 'node:tls'
import { unreachable } from './unreachable.ts'

export interface Request {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH'
  url: URL
  headers?: Record<string, string | string[]>
  /** With `bytes` where it is not in memory. It is asked for again when a redirect or an authentication says so. */
  body?: Uint8Array | (() => AsyncIterable<Uint8Array>)
  bytes?: number
  signal?: AbortSignal | undefined
}

export interface TransportOptions {
  /** Authorities to trust beside those that Node knows, PEM. */
  authorities?: string
  /** No byte came or went for so long: the registry is gone. */
  silentMs?: number
}

const maxRedirects = 5

/** HTTP over connections that are kept. A redirect to another host gets no credentials. */
export class Transport {
  readonly #silentMs: number
  readonly #http: HttpAgent
  readonly #https: HttpsAgent

  constructor({ authorities, silentMs = 30_000 }: TransportOptions = {}) {
    this.#silentMs = silentMs
    const options = { keepAlive: true, maxSockets: 16, noDelay: true, proxyEnv: process.env }
    this.#http = new HttpAgent(options)
    this.#https = new HttpsAgent({ ...options, ...(authorities && { ca: withOwn(authorities) }) })
  }

  /** @returns the answer, whatever its status; its body is still to be read @throws Problem, AbortError */
  async send(request: Request): Promise<IncomingMessage> {
    let current = request
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#sendOnce(current)
      const { location } = answer.headers
      const status = answer.statusCode ?? 0
      if (![301, 302, 303, 307, 308].includes(status) || !location || redirects === maxRedirects)
        return answer
      answer.resume()
      current = redirected(current, new URL(location, current.url), status)
    }
  }

  close() {
    this.#http.destroy()
    this.#https.destroy()
  }

  #sendOnce({ method, url, headers = {}, body, bytes, signal }: Request): Promise<IncomingMessage> {
    const isSecure = url.protocol === 'https:'
    const length = body instanceof Uint8Array ? body.length : (bytes ?? 0)
    return new Promise((resolve, reject) => {
      const sent = (isSecure ? httpsRequest : httpRequest)(url, {
        method,
        agent: isSecure ? this.#https : this.#http,
        headers: {
          'user-agent': 'dyninka',
          ...headers,
          ...(method !== 'GET' && method !== 'HEAD' && { 'content-length': String(length) }),
        },
        ...(signal && { signal }),
      })
      const fail = (error: Error) => reject(signal?.aborted ? signal.reason : unreachable(error, url))
      sent.setTimeout(this.#silentMs, () => sent.destroy(silent(this.#silentMs)))
      sent.once('error', fail)
      sent.once('response', answer => {
        // A refusal may come before all is sent; what then happens to the connection says no more.
        sent.off('error', fail).on('error', () => {})
        answer.setTimeout(this.#silentMs, () => answer.destroy(silent(this.#silentMs)))
        resolve(answer)
      })
      if (typeof body !== 'function') return sent.end(body)
      const read = Readable.from(body(), { objectMode: false })
      read.once('error', error => sent.destroy(error))
      sent.once('close', () => read.destroy())
      read.pipe(sent)
    })
  }
}

function redirected(request: Request, url: URL, status: number): Request {
  const { authorization, ...rest } = request.headers ?? {}
  const isSame = url.origin === request.url.origin
  const headers = { ...rest, ...(isSame && authorization && { authorization }) }
  const isFetch = request.method === 'GET' || request.method === 'HEAD'
  if (status === 303 && !isFetch) return { method: 'GET', url, headers, signal: request.signal }
  return { ...request, url, headers }
}

const silent = (ms: number) =>
  Object.assign(new Error(`nothing came for ${ms / 1000} s`), { code: 'ETIMEDOUT' })

/** Reads a small body. @throws Problem when it is cut off, RangeError when it is not small */
export async function bodyOf(answer: IncomingMessage, url: URL, maxBytes = 4 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw unreachable(error as Error, url)
  }
  if (bytes > maxBytes) throw new RangeError(`${url.host} answers with more than ${maxBytes} bytes`)
  return Buffer.concat(chunks)
}

/** `ca` replaces what Node knows, where it should add to it. */
const withOwn = (authorities: string) => [...rootCertificates, authorities]
