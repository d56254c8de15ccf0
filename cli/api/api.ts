import { Problem } from '../../schema/problem.ts'
import { didYouMean, listed } from '../../schema/suggest.ts'
import { Usage } from '../failure.ts'
import type { Dataflow, Status } from './status.ts'

type Query = Record<string, string | number | undefined>

/** The HTTP API of a controller. */
export class Api {
  readonly url: string
  readonly #token: string | undefined

  constructor(url: string, token?: string) {
    this.url = url.replace(/\/$/, '')
    this.#token = token
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return (await this.#send('GET', path, query)).json() as Promise<T>
  }

  async post<T>(path: string, body: object): Promise<T> {
    return (await this.#send('POST', path, {}, JSON.stringify(body))).json() as Promise<T>
  }

  /** The records of an NDJSON answer, as they come. Ends quietly when the signal aborts. */
  async *lines<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<T> {
    try {
      const { body } = await this.#send('GET', path, query, undefined, signal)
      if (!body) return
      let rest = ''
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n')
        rest = lines.pop()!
        for (const line of lines) if (line) yield JSON.parse(line) as T
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Problem || error instanceof Usage) throw error
      throw new Problem('Disconnected', `the connection to the controller at ${this.url} broke off`, {
        hint: 'Has it been stopped?',
        cause: error,
      })
    }
  }

  async status(): Promise<Status> {
    return this.get('/api/status')
  }

  /** The dataflow of that name, or the only one there is. @throws Usage */
  async flowNamed(name?: string): Promise<string> {
    const names = (await this.status()).dataflows.filter(isDeployed).map(nameOf)
    if (name !== undefined && names.includes(name)) return name
    if (name !== undefined) {
      const otherwise = names.length === 0 ? 'None runs.' : `There are ${listed(names)}.`
      throw new Usage(`no dataflow is called ${name}`, didYouMean(name, names, otherwise))
    }
    if (names.length === 1) return names[0]!
    if (names.length === 0) throw new Usage('no dataflow runs yet', '`dyninka status` says why.')
    throw new Usage('several dataflows run', `Choose one with --flow: ${listed(names, 'or')}.`)
  }

  /** The dataflow that has a node of that name. @throws Usage */
  async flowOf(node: string, flow?: string): Promise<string> {
    const { dataflows } = await this.status()
    if (flow !== undefined) await this.flowNamed(flow)
    const among = dataflows.filter(({ name }) => flow === undefined || name === flow)
    const having = among.filter(({ functions }) => functions.some(({ name }) => name === node))
    if (having.length === 1) return having[0]!.name
    if (having.length > 1) {
      throw new Usage(`several dataflows have ${node}`, `Add --flow: ${listed(having.map(nameOf), 'or')}.`)
    }
    const names = [...new Set(among.flatMap(({ functions }) => functions.map(({ name }) => name)))]
    const otherwise = names.length === 0 ? 'Nothing runs yet.' : `There are ${listed(names)}.`
    throw new Usage(`nothing is called ${node}`, didYouMean(node, names, otherwise))
  }

  async #send(method: string, path: string, query: Query, body?: string, signal?: AbortSignal) {
    const url = new URL(this.url + path)
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
        throw new Problem('NoAnswer', `the controller at ${this.url} does not answer`, {
          hint: 'Start it again with the same --state: what still runs is adopted. `dyninka stop` ends it instead.',
          cause,
        })
      },
    )
    if (response.ok) return response
    throw await refusal(response, this.url)
  }
}

const isDeployed = ({ revision }: Dataflow) => revision !== ''
const nameOf = ({ name }: Dataflow) => name

async function refusal(response: Response, url: string): Promise<Problem> {
  const answer = (await response.json().catch(() => ({}))) as {
    error?: { reason: string; message: string; hint?: string }
  }
  if (answer.error) {
    const { reason, message, hint } = answer.error
    return new Problem(reason, message, hint === undefined ? {} : { hint })
  }
  return new Problem(
    'Refused',
    `the controller at ${url} answered ${response.status} ${response.statusText}`,
    {
      hint: 'Is it a Dyninka controller of the same version?',
    },
  )
}
