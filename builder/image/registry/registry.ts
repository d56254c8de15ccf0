import type { IncomingMessage } from 'node:http'
import { Authentication, type Scope } from './authentication.ts'
import { dockerCredentials, type FindCredentials } from './credentials.ts'
import { type Patience, patiently, usualPatience } from './patience.ts'
import type { Address } from './reference.ts'
import { refusal } from './refusal.ts'
import { share } from './share.ts'
import { bodyOf, type Request, Transport, type TransportOptions } from './transport.ts'
import { notRegistry } from './unreachable.ts'

export interface RegistryOptions extends TransportOptions {
  /** Those of Docker's own configuration by default. */
  credentials?: FindCredentials
  patience?: Patience
  /** Hears of the bytes of blobs as they have been sent. */
  onSent?: (bytes: number) => void
}

/** What to ask a registry for, in one repository. */
export interface Ask extends Omit<Request, 'url'> {
  /** Below `/v2/<repository>/`, or an address that the registry gave. */
  path: string | URL
  /** For what the answer's refusal is called. */
  doing: string
  scopes?: Scope[]
  /** Statuses that are answers; others are refusals. */
  expect: number[]
}

/**
 * A registry that speaks the OCI distribution API. Connections and tokens are kept, so one serves for long; any number
 * of pushes may go on at once.
 */
export class Registry {
  readonly address: Address
  readonly patience: Patience
  readonly onSent: (bytes: number) => void
  /** Uploads under way, so that nothing is sent twice at the same time. */
  readonly uploads = new Map<string, Promise<number>>()
  /** Shared blobs that were seen there, as `repository@digest`: what a manifest names, a registry keeps. */
  readonly #seen = new Set<string>()
  readonly #transport: Transport
  readonly #find: FindCredentials
  readonly #authentications = new Map<string, Authentication>()
  #known: Promise<string | undefined> | undefined

  constructor(address: Address, options: RegistryOptions = {}) {
    const { credentials, patience, onSent, ...transport } = options
    this.address = address
    this.patience = patience ?? usualPatience
    this.onSent = onSent ?? (() => {})
    this.#find = credentials ?? dockerCredentials()
    this.#transport = new Transport(transport)
  }

  url(repository: string, path: string): URL {
    return new URL(`${repository}/${path}`, this.#root())
  }

  /** Sends one request; it is tried again only for the sake of authentication. @throws Problem, AbortError */
  async ask(repository: string, ask: Ask): Promise<{ answer: IncomingMessage; url: URL }> {
    const { path, doing, expect, scopes = [`repository:${repository}:pull,push`], ...request } = ask
    const challenge = await share(this.#meet(), ask.signal)
    const url = typeof path === 'string' ? this.url(repository, path) : this.#kept(path)
    const authentication = this.#authenticationFor(repository, challenge, scopes)
    const isOwn = url.host === this.#root().host
    for (let attempts = 1; ; attempts++) {
      const authorization = isOwn ? await share(authentication.header(scopes), ask.signal) : undefined
      const headers = { ...request.headers, ...(authorization && { authorization }) }
      const answer = await this.#transport.send({ ...request, url, headers })
      if (expect.includes(answer.statusCode ?? 0)) return { answer, url }
      const mayLearn = answer.statusCode === 401 && attempts === 1 && isOwn
      if (mayLearn && authentication.learn(answer.headers['www-authenticate'], authorization, scopes)) {
        answer.resume()
        continue
      }
      throw await refusal(answer, url, `${doing} ${this.address.host}/${repository}`)
    }
  }

  /** The same, again and again while it may still succeed, with the body of the answer. */
  async askPatiently(
    repository: string,
    ask: Ask,
  ): Promise<{ answer: IncomingMessage; url: URL; body: Buffer }> {
    const attempt = async () => {
      const { answer, url } = await this.ask(repository, ask)
      return { answer, url, body: await bodyOf(answer, url) }
    }
    return patiently(attempt, this.patience, ask.signal)
  }

  saw(repository: string, digest: string) {
    this.#seen.add(`${repository}@${digest}`)
  }

  hasSeen(repository: string, digest: string) {
    return this.#seen.has(`${repository}@${digest}`)
  }

  /** Looks for all blobs of a repository again: it has lost some. */
  forget(repository: string) {
    for (const key of this.#seen) if (key.startsWith(`${repository}@`)) this.#seen.delete(key)
  }

  close() {
    this.#transport.close()
  }

  #root() {
    const { scheme, host } = this.address
    return new URL(`${scheme}://${host === 'docker.io' ? 'registry-1.docker.io' : host}/v2/`)
  }

  /** What a registry behind a proxy with TLS believes to be HTTP is not. */
  #kept(url: URL): URL {
    const root = this.#root()
    if (root.protocol === 'https:' && url.protocol === 'http:' && url.hostname === root.hostname) {
      return new URL(url.pathname + url.search, root)
    }
    return url
  }

  #authenticationFor(repository: string, challenge: string | undefined, scopes: Scope[]): Authentication {
    let found = this.#authentications.get(repository)
    if (!found) {
      const { host } = this.address
      found = new Authentication(this.address, this.#transport, () => this.#find(host, repository))
      found.learn(challenge, undefined, scopes)
      this.#authentications.set(repository, found)
    }
    return found
  }

  /** Looks once whether it is a registry at all, and how it wants to be spoken to; patience is for who asks.
   *  @returns its challenge */
  #meet(): Promise<string | undefined> {
    if (!this.#known) {
      const known = this.#look()
      known.catch(() => (this.#known = undefined))
      this.#known = known
    }
    return this.#known
  }

  async #look(): Promise<string | undefined> {
    const url = this.#root()
    const answer = await this.#transport.send({ method: 'GET', url })
    const { statusCode: status = 0, headers } = answer
    if (status === 429 || status >= 500) throw await refusal(answer, url, `talk to ${this.address.host}`)
    const body = (await bodyOf(answer, url)).toString('utf8')
    if (status === 401 && headers['www-authenticate']) return headers['www-authenticate']
    const isRegistry =
      headers['docker-distribution-api-version'] !== undefined || /^\s*\{/.test(body) || body === ''
    if (status !== 200 || !isRegistry) throw notRegistry(url.host)
    return undefined
  }
}
