import { Problem } from '../../../schema/problem.ts'
import { type Challenge, challengeIn } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { type Address, isLoopback } from './reference.ts'
import { refusal } from './refusal.ts'
import { bodyOf, type Request, type Transport } from './transport.ts'

/** What may be done in a repository, as `repository:team/image:pull,push`. */
export type Scope = string

interface Token {
  header: string
  /** By `performance.now()`, which no setting of the clock moves. */
  endsAt: number
}

const defaultLifeMs = 60_000
const marginMs = 10_000

/** Gives requests to one registry their credentials: none, a password, or a token that a token server gives for it. */
export class Authentication {
  readonly #address: Address
  readonly #transport: Transport
  readonly #find: () => Promise<Credentials | undefined>
  #challenge: Challenge | undefined
  readonly #tokens = new Map<string, Promise<Token>>()

  /** @param find looked up once for each token, since they may change */
  constructor(address: Address, transport: Transport, find: () => Promise<Credentials | undefined>) {
    this.#address = address
    this.#transport = transport
    this.#find = find
  }

  /** Of `authorization`; undefined while the registry has asked for none. @throws Problem */
  async header(scopes: Scope[]): Promise<string | undefined> {
    const challenge = this.#challenge
    if (!challenge) return undefined
    if (challenge.scheme === 'basic') {
      const credentials = await this.#find()
      return credentials && basic(credentials)
    }
    const key = scopes.join(' ')
    const known = this.#tokens.get(key)
    const token = await known?.catch(() => undefined)
    if (token && performance.now() < token.endsAt) return token.header
    if (this.#tokens.get(key) === known) this.#tokens.set(key, this.#ask(challenge, scopes))
    return (await this.#tokens.get(key)!).header
  }

  /** Learns from a 401. @returns whether another attempt may do better */
  learn(header: string | undefined, used: string | undefined, scopes: Scope[]): boolean {
    const challenge = challengeIn(header)
    if (!challenge) return false
    const isNew = JSON.stringify(challenge) !== JSON.stringify(this.#challenge)
    this.#challenge = challenge
    if (challenge.scheme === 'bearer') this.#tokens.delete(scopes.join(' ')) // it may have been revoked
    return isNew || used === undefined || challenge.scheme === 'bearer'
  }

  async #ask(challenge: Challenge & { scheme: 'bearer' }, scopes: Scope[]): Promise<Token> {
    const url = this.#realm(challenge.realm)
    const credentials = await this.#find()
    const fields: [string, string][] = [
      ...(challenge.service ? [['service', challenge.service] as [string, string]] : []),
      ...scopes.map(scope => ['scope', scope] as [string, string]),
    ]
    const startedAt = performance.now()
    const answer = await this.#transport.send(request(url, fields, credentials))
    if (answer.statusCode !== 200) throw await refusal(answer, url, `get a token for ${this.#address.host}`)
    const { token, access_token, expires_in } = JSON.parse((await bodyOf(answer, url)).toString('utf8'))
    const lifeMs = Number(expires_in) > 0 ? Number(expires_in) * 1000 : defaultLifeMs
    return {
      header: `Bearer ${token ?? access_token}`,
      endsAt: startedAt + Math.max(lifeMs - marginMs, lifeMs / 2),
    }
  }

  /** A registry must not lead a password astray: over plain HTTP it goes only where the registry itself is so. */
  #realm(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.host))
    if (url && (isSafe || (url.protocol === 'http:' && this.#address.scheme === 'http'))) return url
    throw new Problem(
      'TokenServerUnsafe',
      `${this.#address.host} sends for tokens to ${text.slice(0, 200)}`,
      {
        disposition: 'waiting',
        hint: 'Give its token server an https:// address (`realm` in the settings of the registry).',
      },
    )
  }
}

const basic = ({ username, password }: Credentials) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

function request(url: URL, fields: [string, string][], credentials: Credentials | undefined): Request {
  if (credentials?.identityToken === undefined) {
    const asked = new URL(url)
    for (const [name, value] of fields) asked.searchParams.append(name, value)
    return {
      method: 'GET',
      url: asked,
      ...(credentials && { headers: { authorization: basic(credentials) } }),
    }
  }
  const scopes = fields.filter(([name]) => name === 'scope').map(([, scope]) => scope)
  const form = new URLSearchParams([
    ...fields.filter(([name]) => name !== 'scope'),
    ['scope', scopes.join(' ')],
    ['grant_type', 'refresh_token'],
    ['client_id', 'dyninka'],
    ['refresh_token', credentials.identityToken],
  ])
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url, headers, body: Buffer.from(form.toString()) }
}
