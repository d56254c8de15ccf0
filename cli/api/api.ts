import { Problem } from '../../schema/problem.ts'
import type { Answer, Carrier, Query, Request } from './carrier.ts'
import type { Status } from './status.ts'

/** The HTTP API of a controller. */
export class Api {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return this.#json<T>({ method: 'GET', path, query })
  }

  async post<T>(path: string, body: object): Promise<T> {
    return this.#json<T>({ method: 'POST', path, body: JSON.stringify(body) })
  }

  /** The records of an NDJSON answer, as they come. Ends quietly when the signal aborts. */
  async *lines<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<T> {
    try {
      const { body } = await this.#send({ method: 'GET', path, query, signal })
      const decoder = new TextDecoder()
      let rest = ''
      for await (const bytes of body) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
        rest = lines.pop()!
        for (const line of lines) if (line) yield JSON.parse(line) as T
      }
    } catch (error) {
      if (signal.aborted) return
      throw error instanceof Problem ? error : this.#brokenOff(error)
    }
  }

  async status(): Promise<Status> {
    return this.get('/api/status')
  }

  async #json<T>(request: Request): Promise<T> {
    const answer = await this.#send(request)
    const text = await textOf(answer).catch(error => {
      throw this.#brokenOff(error)
    })
    return JSON.parse(text) as T
  }

  async #send(request: Request): Promise<Answer> {
    const answer = await this.#carrier.send(request)
    if (answer.status < 300) return answer
    const { error } = await textOf(answer).then(
      text => JSON.parse(text) as { error?: { reason: string; message: string; hint?: string } },
      () => ({ error: undefined }),
    )
    if (error) throw new Problem(error.reason, error.message, error.hint ? { hint: error.hint } : {})
    throw new Problem('Refused', `${this.#carrier.name} answered ${answer.status}`, {
      hint: 'Is it a Dyninka controller of the same version?',
    })
  }

  #brokenOff(cause: unknown): Problem {
    return new Problem('Disconnected', `the connection to ${this.#carrier.name} broke off`, {
      hint: this.#carrier.brokenOff,
      cause,
    })
  }
}

export async function textOf({ body }: Pick<Answer, 'body'>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
