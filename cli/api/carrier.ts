import { Problem } from '../../schema/problem.ts'

export type Query = Record<string, string | number | undefined>

export interface Request {
  method: 'GET' | 'POST'
  path: string
  query?: Query
  /** JSON. */
  body?: string
  signal?: AbortSignal
}

export interface Answer {
  /** HTTP status. */
  status: number
  body: AsyncIterable<Uint8Array>
}

/** Brings requests to a controller. */
export interface Carrier {
  /** How messages call the other end. */
  readonly name: string
  /** What to do when a connection breaks off. */
  readonly brokenOff: string
  /** @throws Problem when the controller can't be asked; the reason of the signal when that aborts */
  send(request: Request): Promise<Answer>
}

/** To an address, without anything in between that we know of. */
export class Direct implements Carrier {
  readonly name: string
  readonly brokenOff = 'Has it been stopped?'
  readonly #url: string
  readonly #token: string | undefined

  constructor(url: string, token?: string) {
    this.#url = url.replace(/\/$/, '')
    this.name = `the controller at ${this.#url}`
    this.#token = token
  }

  async send({ method, path, query = {}, body, signal }: Request): Promise<Answer> {
    const url = new URL(this.#url + path)
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const headers = {
      ...(this.#token && { authorization: `Bearer ${this.#token}` }),
      ...(body && { 'content-type': 'application/json' }),
    }
    const response = await fetch(url, { method, headers, body: body ?? null, signal: signal ?? null }).catch(
      (cause: unknown) => {
        if (signal?.aborted) throw cause
        throw new Problem('NoAnswer', `${this.name} does not answer`, {
          hint: 'Start it again with the same --state: what still runs is adopted. `dyninka stop` ends it instead.',
          cause,
        })
      },
    )
    return { status: response.status, body: response.body ?? nothing() }
  }
}

async function* nothing() {}
