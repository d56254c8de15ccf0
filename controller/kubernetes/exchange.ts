import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Access } from './access.ts'
import { type ApiProblem, answered, unanswered } from './api-problem.ts'

export interface Exchange {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Record<string, string | number | boolean | undefined>
  /** Sent as JSON. */
  body?: unknown
  contentType?: string
  headers?: Record<string, string>
  /** Another form of the answer that the server can give. */
  as?: 'PartialObjectMetadata' | 'PartialObjectMetadataList'
  /** For messages: `apply deployments/average in etl`. */
  what: string
  /** Of silence, until an answer is given up. */
  timeoutMs?: number
  signal?: AbortSignal
}

const defaultTimeoutMs = 30_000
const signedForMs = 60_000
const maxConnections = 24
const maxTries = 4

/** Requests to one API server, over connections that are kept. */
export class Exchanges {
  #access: Access
  #agent: http.Agent
  #signed?: { options: https.RequestOptions; atMs: number }

  constructor(access: Access) {
    this.#access = access
    const options = { keepAlive: true, maxSockets: maxConnections, keepAliveMsecs: 15_000 }
    this.#agent = access.server.protocol === 'http:' ? new http.Agent(options) : new https.Agent(options)
  }

  /** The parsed answer. What the server wants tried again soon, is. @throws ApiProblem */
  async json<T>(exchange: Exchange): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const response = await this.open(exchange, this.#agent)
        return JSON.parse(await textOf(response, exchange)) as T
      } catch (error) {
        const problem = error as ApiProblem
        const waitMs = retryAfterMs(problem, exchange, tries)
        if (waitMs === undefined) throw error
        await pause(waitMs, exchange.signal)
      }
    }
  }

  /** The body of an answer that is a success, as it comes. @param agent a connection of its own when absent
   *  @throws ApiProblem */
  async open(exchange: Exchange, agent?: http.Agent): Promise<IncomingMessage> {
    const response = await this.#send(exchange, agent)
    if (response.statusCode! < 300) return response
    if (response.statusCode === 401) this.#signed = undefined
    const text = await textOf(response, exchange)
    throw answered(exchange.what, response.statusCode!, text, response.headers['retry-after'])
  }

  /** The answer, whatever it says. @throws ApiProblem when there is none */
  answer(exchange: Exchange): Promise<IncomingMessage> {
    return this.#send(exchange, exchange.timeoutMs === 0 ? undefined : this.#agent)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #send(exchange: Exchange, agent: http.Agent | undefined): Promise<IncomingMessage> {
    const { method, path, query = {}, body, what, timeoutMs = defaultTimeoutMs, signal } = exchange
    const signed = await this.#sign(what)
    const url = new URL(this.#access.server.href.replace(/\/$/, '') + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value))
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const { request } = url.protocol === 'http:' ? http : https
    return new Promise((resolve, reject) => {
      const outgoing = request(url, {
        agent: agent ?? false,
        ...signed, // with an agent of its own for a proxy
        method,
        headers: {
          ...signed.headers,
          ...exchange.headers,
          accept: `application/json${exchange.as ? `;as=${exchange.as};g=meta.k8s.io;v=v1` : ''}`,
          'user-agent': 'dyninka',
          ...(payload !== undefined && {
            'content-type': exchange.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(payload),
          }),
        },
        ...(signal && { signal }),
      })
      outgoing.setTimeout(timeoutMs, () =>
        outgoing.destroy(Object.assign(new Error(`no answer in ${timeoutMs} ms`), { code: 'ETIMEDOUT' })),
      )
      outgoing.once('response', resolve)
      outgoing.once('error', error => {
        const { reusedSocket } = outgoing
        reject(signal?.aborted ? signal.reason : unanswered(what, Object.assign(error, { reusedSocket })))
      })
      outgoing.end(payload)
    })
  }

  async #sign(what: string): Promise<https.RequestOptions> {
    const now = performance.now()
    if (this.#signed && now - this.#signed.atMs < signedForMs) return this.#signed.options
    try {
      const options = await this.#access.sign()
      this.#signed = { options, atMs: now }
      return options
    } catch (error) {
      throw unanswered(what, error as Error)
    }
  }
}

/** @throws ApiProblem when the connection ends before the body does */
async function textOf(response: IncomingMessage, { what, signal }: Exchange): Promise<string> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer)
  } catch (error) {
    throw signal?.aborted ? signal.reason : unanswered(what, error as Error)
  }
  return Buffer.concat(chunks).toString()
}

/** How long to wait before the next try; undefined when the caller must know. A server that is too busy has not begun;
 *  of what may have been done and not been told, only what can be done twice is. */
function retryAfterMs(error: ApiProblem, { method }: Exchange, tries: number): number | undefined {
  if (tries >= maxTries) return undefined
  if (error.status === 429 || (error.status === 503 && error.retryAfterMs !== undefined))
    return Math.min(error.retryAfterMs ?? 1_000, 5_000) * (0.75 + Math.random() / 2)
  const { code, reusedSocket } = (error.cause ?? {}) as NodeJS.ErrnoException & { reusedSocket?: boolean }
  const isCut = error.status === 0 && (code === 'ECONNRESET' || code === 'EPIPE')
  // A server that closes an idle connection does so while we send: it has read nothing.
  return isCut && (method !== 'POST' || reusedSocket) ? 100 * tries : undefined
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
