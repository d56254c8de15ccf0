import type { Octokit } from 'octokit'
import type { CommitState, CommitStatus, Forge, ForgeOptions, NewPullRequest, PullRequest } from './forge.ts'
import { forgeProblem } from './forge-problem.ts'
import { type ForgeRepository, forgeRepository } from './forge-repository.ts'
import { Remembered } from './remembered.ts'

const defaultTimeoutMs = 20_000
const perPage = 100
/** Of a forge that gives the pull requests of all branches: far more than anybody looks through. */
const maxPages = 50
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** GitHub, GitHub Enterprise, Gitea or Forgejo, as far as they share an API. */
export class OctokitForge implements Forge {
  #options: ForgeOptions
  #repository: ForgeRepository
  #client?: Promise<Octokit>
  #remembered = new Remembered()

  /** @param gitUrl of the repository @throws Problem where that is on no forge */
  constructor(gitUrl: string, options: ForgeOptions) {
    this.#options = options
    this.#repository = forgeRepository(gitUrl, options)
  }

  async commitStatus(
    commit: string,
    context: string,
    signal: AbortSignal,
  ): Promise<CommitStatus | undefined> {
    const { data } = await this.#ask('read the statuses of a commit', signal, (octokit, request) =>
      this.#remembered.get(`statuses ${commit}`, headers =>
        octokit.rest.repos.listCommitStatusesForRef({
          ...this.#names,
          ref: commit,
          per_page: perPage,
          headers,
          request,
        }),
      ),
    )
    // Gitea calls the state `status`, and has an order of its own.
    const statuses = data as ((typeof data)[number] & { status?: string })[]
    const newest = statuses.filter(status => status.context === context).toSorted((a, b) => b.id - a.id)[0]
    return (
      newest && {
        context,
        state: (newest.state ?? newest.status) as CommitState,
        description: newest.description ?? '',
        ...(newest.target_url && { url: newest.target_url }),
      }
    )
  }

  async setCommitStatus(
    commit: string,
    { context, state, description, url }: CommitStatus,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#ask('set the status of a commit', signal, (octokit, request) =>
      octokit.rest.repos.createCommitStatus({
        ...this.#names,
        sha: commit,
        context,
        state,
        description,
        ...(url !== undefined && { target_url: url }),
        request,
      }),
    )
  }

  async pullRequests(branch: string, signal: AbortSignal): Promise<PullRequest[]> {
    const own: PullRequest[] = []
    for (let page = 1; page <= maxPages; page++) {
      const { data, headers } = await this.#pullsAt(branch, page, signal)
      // Gitea gives those of all branches, the newest first, and all branches may be forks'.
      const found = data.filter(({ head }) => head.ref === branch && head.repo?.full_name === this.#fullName)
      own.push(...found.map(pullRequestOf))
      const isLast = data.length === 0 || !/rel="next"/.test(headers.link ?? '')
      // Of one branch, the newest is the one that is open, or tells what became of it.
      if (isLast || own.length > 0) break
    }
    return own.toSorted((a, b) => b.number - a.number)
  }

  #pullsAt(branch: string, page: number, signal: AbortSignal) {
    return this.#ask('read the pull requests', signal, (octokit, request) =>
      this.#remembered.get(`pulls ${branch} ${page}`, headers =>
        octokit.rest.pulls.list({
          ...this.#names,
          state: 'all',
          head: `${this.#repository.owner}:${branch}`,
          per_page: perPage,
          ...(page > 1 && { page }),
          headers,
          request,
        }),
      ),
    )
  }

  async createPullRequest(
    { branch, base, title, body, isDraft }: NewPullRequest,
    signal: AbortSignal,
  ): Promise<PullRequest> {
    const { data } = await this.#ask('open a pull request', signal, (octokit, request) =>
      octokit.rest.pulls.create({
        ...this.#names,
        head: branch,
        base,
        title,
        body,
        // Gitea knows drafts by their title.
        ...(isDraft && (this.#options.type === 'github' ? { draft: true } : { title: `WIP: ${title}` })),
        request,
      }),
    )
    return pullRequestOf(data)
  }

  async updatePullRequest(
    number: number,
    change: { title?: string; body?: string; state?: 'closed' },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#ask('change a pull request', signal, (octokit, request) =>
      octokit.rest.pulls.update({ ...this.#names, pull_number: number, ...change, request }),
    )
  }

  async comment(number: number, body: string, signal: AbortSignal): Promise<void> {
    await this.#ask('comment on a pull request', signal, (octokit, request) =>
      octokit.rest.issues.createComment({ ...this.#names, issue_number: number, body, request }),
    )
  }

  async addLabels(number: number, labels: string[], signal: AbortSignal): Promise<void> {
    await this.#ask('label a pull request', signal, (octokit, request) =>
      octokit.rest.issues.addLabels({ ...this.#names, issue_number: number, labels, request }),
    )
  }

  async requestReviewers(number: number, reviewers: string[], signal: AbortSignal): Promise<void> {
    await this.#ask('ask for a review of a pull request', signal, (octokit, request) =>
      octokit.rest.pulls.requestReviewers({ ...this.#names, pull_number: number, reviewers, request }),
    )
  }

  fileUrl(commit: string, path: string, line?: number): string {
    const way = this.#options.type === 'github' ? `blob/${commit}` : `src/commit/${commit}`
    const file = path.split('/').map(encodeURIComponent).join('/')
    return `${this.#repository.page}/${way}/${file}${line === undefined ? '' : `#L${line}`}`
  }

  get #names() {
    return { owner: this.#repository.owner, repo: this.#repository.name }
  }

  get #fullName() {
    return `${this.#repository.owner}/${this.#repository.name}`
  }

  async #ask<T>(
    what: string,
    signal: AbortSignal,
    ask: (octokit: Octokit, request: { signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    try {
      this.#client ??= this.#open(signal)
      const client = await this.#client
      const { timeoutMs = defaultTimeoutMs } = this.#options
      return await ask(client, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) })
    } catch (error) {
      signal.throwIfAborted()
      if (!(await this.#client?.catch(() => false))) this.#client = undefined
      throw forgeProblem(error, what, this.#fullName)
    }
  }

  /** Loaded by who has a forge only: it takes memory. What it would try again by itself, our queue does. */
  async #open(signal: AbortSignal): Promise<Octokit> {
    const { App, Octokit } = await import('octokit')
    const { auth } = this.#options
    const Client = Octokit.defaults({
      baseUrl: this.#repository.api,
      userAgent: 'dyninka',
      throttle: { enabled: false },
      retry: { enabled: false },
      log: silent,
    })
    if ('token' in auth) return new Client({ auth: auth.token })
    const app = new App({ ...auth, Octokit: Client })
    const { data } = await app.octokit.rest.apps.getRepoInstallation({ ...this.#names, request: { signal } })
    return (await app.getInstallationOctokit(data.id)) as Octokit
  }
}

const pullRequestOf = ({
  number,
  html_url: url,
  state,
  title,
  body,
  merged_at: mergedAt,
}: {
  number: number
  html_url: string
  state: string
  title: string
  body: string | null
  merged_at: string | null
}): PullRequest => ({
  number,
  url,
  state: mergedAt ? 'merged' : state === 'open' ? 'open' : 'closed',
  ...(mergedAt && { mergedAt: Date.parse(mergedAt) }),
  title,
  body: body ?? '',
})
