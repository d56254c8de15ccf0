import { createHash, createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { type Answer, PullRequests } from '../../../cli/demo/forge/pull-requests.ts'
import { type SetStatus, shownStatus } from '../../../cli/demo/forge/statuses.ts'
import { faultsOf, faultsOfAnswer, type Operation, operationOf } from './description.ts'

/** What the next requests get instead of an answer: `drop` ends their connection, `lose` does so once it is done, and
 *  `silence` says nothing. */
export type Trouble = (operation: Operation) => Answer | 'drop' | 'lose' | 'silence' | undefined

/** A forge in memory, whose requests and answers are held against GitHub's description of its API. It can be in trouble. */
export class TestForge {
  readonly token = 'right'
  /** Of the GitHub App that is installed in every repository. */
  readonly app = { id: '7', ...keyPair() }
  readonly statuses: SetStatus[] = []
  readonly pulls = new PullRequests(() => 'https://forge.example')
  /** As `GET /repos/ada/climate/…`. */
  readonly requests: string[] = []
  /** Where a request or an answer is not as described: a test that found none ends with an empty list. */
  readonly faults: string[] = []
  trouble: Trouble = () => undefined
  /** Names of fields as Gitea has them, and no filter by branch. */
  isGitea = false
  /** Below which its API is, like `/api/v3`. */
  base = ''
  /** Whether it tells answers that have not changed, as GitHub does. */
  hasTags = true
  /** How often it did. */
  notModified = 0
  #server: Server

  static async start(): Promise<TestForge> {
    const forge = new TestForge()
    forge.#server.listen(0, '127.0.0.1')
    await once(forge.#server, 'listening')
    return forge
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: Error) => {
        this.faults.push(error.message)
        response.writeHead(500).end()
      })
    })
  }

  /** Base URL of its API. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.base}`
  }

  /** Of a context, oldest first, as `state: description`. */
  said(commit: string, context: string): string[] {
    return this.statuses
      .filter(status => status.commit === commit && status.context === context)
      .map(({ state, description }) => `${state}: ${description}`)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: whole, searchParams } = new URL(request.url!, this.url)
    if (!whole.startsWith(this.base)) throw new Error(`${whole} is not below ${this.base}`)
    const pathname = whole.slice(this.base.length)
    this.requests.push(`${request.method} ${pathname}`)
    const operation = operationOf(request.method!, pathname)
    if (!operation) throw new Error(`${request.method} ${pathname} is not described`)
    const body = await text(request)
    const trouble = this.trouble(operation)
    if (trouble === 'drop') return void request.socket.destroy()
    if (trouble === 'silence') return
    const refused = typeof trouble === 'object' ? trouble : undefined
    const { status, body: answer, headers } = refused ?? this.#answer(operation, request, searchParams, body)
    if (trouble === 'lose') return void request.socket.destroy()
    if (!this.isGitea)
      this.#note(`answer ${status} of ${operation.path}`, faultsOfAnswer(operation, status, answer))
    const etag = `W/"${createHash('sha256').update(JSON.stringify(answer)).digest('hex')}"`
    if (this.hasTags && request.method === 'GET' && status === 200) {
      if (request.headers['if-none-match'] === etag) {
        this.notModified += 1
        return void response.writeHead(304, { etag }).end()
      }
      response.setHeader('etag', etag)
    }
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
      .end(JSON.stringify(answer))
  }

  #answer(operation: Operation, request: IncomingMessage, query: URLSearchParams, body: string): Answer {
    const { method, path, parameters } = operation
    for (const [name, value] of query)
      this.#note(
        `query of ${path}`,
        faultsOf({ [name]: value }, { properties: operation.query, additionalProperties: false }),
      )
    const sent = body === '' ? undefined : JSON.parse(body)
    if (operation.request && (sent !== undefined || operation.needsBody)) {
      const faults = faultsOf(sent, operation.request)
      this.#note(`body of ${path}`, faults)
      if (faults.length > 0) return { status: 422, body: refused(faults) }
    }
    const refusal = this.#refusal(operation, request.headers.authorization ?? '')
    if (refusal) return refusal
    const repository = `${parameters.owner}/${parameters.repo}`
    switch (`${method} ${path}`) {
      case 'GET /repos/{owner}/{repo}/installation':
        return { status: 200, body: installation(this.app.id, repository) }
      case 'POST /app/installations/{installation_id}/access_tokens':
        return { status: 201, body: { token: this.token, expires_at: '2100-01-01T00:00:00Z' } }
      case 'GET /repos/{owner}/{repo}/commits/{ref}/statuses':
        return {
          status: 200,
          body: this.statuses
            .map((status, id) => this.#shown(status, id))
            .filter((_, id) => {
              const { commit, repository: of } = this.statuses[id]!
              return commit === parameters.ref && of === repository
            })
            .reverse(),
        }
      case 'POST /repos/{owner}/{repo}/statuses/{sha}': {
        const status: SetStatus = {
          repository,
          commit: parameters.sha!,
          context: sent.context,
          state: sent.state,
          description: sent.description ?? null,
          url: sent.target_url ?? null,
        }
        this.statuses.push(status)
        return { status: 201, body: this.#shown(status, this.statuses.length - 1) }
      }
      default:
        return this.pulls.answer(operation, repository, query, sent, this.isGitea)
    }
  }

  /** A token for the repository, the App's own signature for what an App asks. */
  #refusal({ path }: Operation, authorization: string): Answer | undefined {
    const given = authorization.replace(/^(token|bearer) /i, '')
    const isApp = path.endsWith('/installation') || path.startsWith('/app/')
    if (isApp ? isSignedBy(given, this.app.publicKey) : given === this.token) return undefined
    return { status: 401, body: { message: 'Bad credentials' } }
  }

  #shown(status: SetStatus, id: number) {
    const { state, ...shown } = shownStatus(status, id, this.url)
    return { ...shown, [this.isGitea ? 'status' : 'state']: state }
  }

  #note(where: string, faults: string[]): void {
    for (const fault of faults) this.faults.push(`${where}: ${fault}`)
  }
}

/** As a GitHub App has one, the private half as PEM. */
export function keyPair() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { publicKey, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}

const refused = (faults: string[]) => ({
  message: 'Validation Failed',
  documentation_url: 'https://forge.example/rest',
  errors: faults.map(message => ({ code: 'custom', message })),
})

function isSignedBy(token: string, key: KeyObject): boolean {
  const [header, payload, signature] = token.split('.')
  if (!signature) return false
  return createVerify('RSA-SHA256').update(`${header}.${payload}`).verify(key, signature, 'base64url')
}

function installation(appId: string, repository: string) {
  const login = repository.split('/')[0]!
  const base = 'https://forge.example'
  return {
    id: 1,
    account: null,
    repository_selection: 'all',
    access_tokens_url: `${base}/app/installations/1/access_tokens`,
    repositories_url: `${base}/installation/repositories`,
    html_url: `${base}/settings/installations/1`,
    app_id: Number(appId),
    app_slug: 'dyninka',
    target_id: 1,
    target_type: login,
    permissions: { statuses: 'write' },
    events: [],
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    single_file_name: null,
    suspended_by: null,
    suspended_at: null,
  }
}
