import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { git } from '../../git.ts'
import { gitHttp } from './git-http.ts'
import { merge } from './merge.ts'
import { pullPage } from './page.ts'
import { type Answer, type Asked, type Pull, PullRequests } from './pull-requests.ts'
import { type SetStatus, shownStatus } from './statuses.ts'

interface Events {
  opened: [Pull]
  merged: [Pull, commit: string]
  commented: [Pull, comment: string]
}

const operations = [
  'GET /repos/{owner}/{repo}/pulls',
  'POST /repos/{owner}/{repo}/pulls',
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
  'POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/labels',
  'GET /repos/{owner}/{repo}/commits/{ref}/statuses',
  'POST /repos/{owner}/{repo}/statuses/{sha}',
]
const api = '/api/v3'

/** A forge of one bare repository on this machine: Git over HTTP, as much of GitHub's API as pull requests need, and a page
 *  to read and merge them. It forgets all when it ends. */
export class DemoForge extends EventEmitter<Events> {
  readonly token = randomUUID()
  readonly #server: Server
  readonly #repository: string
  readonly #path: string
  readonly #pulls = new PullRequests(() => this.url)
  readonly #statuses: SetStatus[] = []
  /** What they have changed, by number. */
  readonly #merged = new Map<number, string>()

  /** @param repository folder of the bare repository @param path as `owner/name` */
  static async start(repository: string, path: string): Promise<DemoForge> {
    const forge = new DemoForge(repository, path)
    forge.#server.listen(0, '127.0.0.1')
    await once(forge.#server, 'listening')
    return forge
  }

  private constructor(repository: string, path: string) {
    super()
    this.#repository = repository
    this.#path = path
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: Error) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
        response.end(error.message)
      })
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** For Git. */
  get repositoryUrl(): string {
    return `${this.url}/${this.#path}.git`
  }

  pageOf({ number }: Pull): string {
    return `${this.url}/${this.#path}/pulls/${number}`
  }

  /** What a pull request changes, as a unified diff. */
  async diffOf({ number, base, branch }: Pull): Promise<string> {
    return this.#merged.get(number) ?? git(this.#repository, 'diff', '--unified=5', `${base}...${branch}`)
  }

  /** The next comment on a pull request. */
  nextComment(on: Pull): Promise<string> {
    return new Promise(done => {
      const hear = (pull: Pull, comment: string) => {
        if (pull !== on) return
        this.off('commented', hear)
        done(comment)
      }
      this.on('commented', hear)
    })
  }

  /** As a person does by the button on its page. */
  async merge(pull: Pull): Promise<void> {
    if (pull.state !== 'open') return
    const diff = await this.diffOf(pull)
    pull.state = 'closed'
    const commit = await merge(this.#repository, pull).catch((error: Error) => {
      pull.state = 'open'
      throw error
    })
    this.#merged.set(pull.number, diff)
    Object.assign(pull, { isMerged: true, mergedAt: new Date().toISOString() })
    this.emit('merged', pull, commit)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url)
    if (pathname.startsWith(`/${this.#path}.git/`)) {
      const way = pathname.slice(this.#path.length + 5)
      if (gitHttp(this.#repository, way, searchParams, request, response)) return
    } else if (pathname.startsWith(api)) {
      const { status, body } = this.#answer(
        request,
        pathname.slice(api.length),
        searchParams,
        await text(request),
      )
      response
        .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
        .end(JSON.stringify(body))
      return
    } else if (await this.#page(request, pathname, response)) return
    response.writeHead(404, { 'content-type': 'text/plain' }).end('there is nothing here')
  }

  #answer(request: IncomingMessage, path: string, query: URLSearchParams, body: string): Answer {
    if (request.headers.authorization?.replace(/^(token|bearer) /i, '') !== this.token)
      return { status: 401, body: { message: 'Bad credentials' } }
    const asked = askedFor(request.method!, path)
    if (!asked) return { status: 404, body: { message: 'Not Found' } }
    const { parameters } = asked
    const repository = `${parameters.owner}/${parameters.repo}`
    const sent = body === '' ? undefined : JSON.parse(body)
    if (parameters.ref !== undefined)
      return {
        status: 200,
        body: this.#statuses
          .map((status, id) => ({ status, id }))
          .filter(({ status }) => status.commit === parameters.ref)
          .map(({ status, id }) => shownStatus(status, id, this.url + api))
          .reverse(),
      }
    if (parameters.sha !== undefined) {
      const { context, state, description = null, target_url: url = null } = sent
      const status = { repository, commit: parameters.sha, context, state, description, url }
      return { status: 201, body: shownStatus(status, this.#statuses.push(status) - 1, this.url + api) }
    }
    const number = Number(parameters.pull_number ?? parameters.issue_number ?? 0)
    if (repository !== this.#path || (number > 0 && !this.#pulls.all[number - 1]))
      return { status: 404, body: { message: 'Not Found' } }
    const answer = this.#pulls.answer(asked, repository, query, sent)
    const pull = this.#pulls.all[number - 1] ?? this.#pulls.all.at(-1)!
    if (asked.path.endsWith('/pulls') && answer.status === 201) this.emit('opened', pull)
    if (asked.path.endsWith('/comments')) this.emit('commented', pull, sent.body)
    return answer
  }

  async #page(request: IncomingMessage, path: string, response: ServerResponse): Promise<boolean> {
    const [, number, action] = /^\/.+\/pulls\/(\d+)(\/merge)?$/.exec(path) ?? []
    const pull = this.#pulls.all[Number(number) - 1] ?? (path === '/' ? this.#pulls.all.at(-1) : undefined)
    if (!pull) return false
    if (action) {
      // Another site that is open in the browser merges nothing.
      if (request.method !== 'POST' || (request.headers.origin ?? this.url) !== this.url) return false
      await this.merge(pull)
      response.writeHead(303, { location: this.pageOf(pull) }).end()
      return true
    }
    const page = pullPage(pull, await this.diffOf(pull), this.#statuses)
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page)
    return true
  }
}

function askedFor(method: string, path: string): Asked | undefined {
  for (const operation of operations) {
    const [verb, template] = operation.split(' ') as [string, string]
    const pattern = template.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')
    const found = verb === method && new RegExp(`^${pattern}$`).exec(path)
    if (found) return { method, path: template, parameters: { ...found.groups } }
  }
  return undefined
}
