/** A request of GitHub's API, as its description names it. */
export interface Asked {
  method: string
  /** As `/repos/{owner}/{repo}/pulls`. */
  path: string
  /** What stands in the path in place of names. */
  parameters: Record<string, string>
}

export interface Answer {
  status: number
  body: unknown
  headers?: Record<string, string>
}

export interface Pull {
  number: number
  repository: string
  branch: string
  base: string
  title: string
  body: string
  state: 'open' | 'closed'
  isMerged: boolean
  /** ISO 8601. */
  mergedAt?: string
  isDraft: boolean
  labels: string[]
  reviewers: string[]
  comments: string[]
}

/** Pull requests of all repositories of a forge, in memory, as GitHub has them. */
export class PullRequests {
  readonly all: Pull[] = []
  /** Logins of people who may not review. */
  readonly strangers = new Set<string>()
  /** Where people read them, as `http://forge.example`. */
  readonly #site: () => string

  constructor(site: () => string) {
    this.#site = site
  }

  answer(
    { method, path, parameters }: Asked,
    repository: string,
    query: URLSearchParams,
    sent: unknown,
    isGitea = false,
  ): Answer {
    const pull = this.all.find(
      ({ number }) => number === Number(parameters.pull_number ?? parameters.issue_number),
    )
    const body = sent as Record<string, unknown>
    switch (`${method} ${path}`) {
      case 'GET /repos/{owner}/{repo}/pulls':
        return page(
          this.#list(repository, query, isGitea).map(pull => simple(pull, this.#site())),
          query,
          isGitea,
        )
      case 'POST /repos/{owner}/{repo}/pulls':
        return this.#create(repository, body, isGitea)
      case 'PATCH /repos/{owner}/{repo}/pulls/{pull_number}':
        Object.assign(pull!, body)
        return { status: 200, body: whole(pull!, this.#site()) }
      case 'POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers':
        for (const login of body.reviewers as string[])
          if (this.strangers.has(login))
            return {
              status: 422,
              body: refused(`Reviews may only be requested from collaborators: ${login}`),
            }
        pull!.reviewers.push(...(body.reviewers as string[]))
        return { status: 201, body: simple(pull!, this.#site()) }
      case 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments':
        pull!.comments.push(body.body as string)
        return { status: 201, body: comment(pull!) }
      case 'POST /repos/{owner}/{repo}/issues/{issue_number}/labels':
        pull!.labels.push(...(body.labels as string[]))
        return { status: 200, body: pull!.labels.map(label) }
      default:
        throw new Error(`${method} ${path} has no answer`)
    }
  }

  #list(repository: string, query: URLSearchParams, isGitea: boolean): Pull[] {
    const [owner, head] = (query.get('head') ?? '').split(':')
    const state = query.get('state') ?? 'open'
    return this.all
      .filter(pull => pull.repository === repository)
      .filter(pull => state === 'all' || pull.state === state)
      .filter(pull => isGitea || !head || (pull.branch === head && repository.startsWith(`${owner}/`)))
      .toReversed()
  }

  #create(
    repository: string,
    { head, base, title, body, draft }: Record<string, unknown>,
    isGitea: boolean,
  ): Answer {
    const isThere = this.all.some(
      pull => pull.state === 'open' && pull.branch === head && pull.repository === repository,
    )
    if (isThere)
      return { status: isGitea ? 409 : 422, body: refused(`A pull request already exists for ${head}.`) }
    const pull: Pull = {
      number: this.all.length + 1,
      repository,
      branch: head as string,
      base: base as string,
      title: title as string,
      body: body as string,
      state: 'open',
      isMerged: false,
      isDraft: draft === true,
      labels: [],
      reviewers: [],
      comments: [],
    }
    this.all.push(pull)
    return { status: 201, body: whole(pull, this.#site()) }
  }
}

/** As both have them: GitHub at most 100, Gitea at most 50 at once. */
function page<T>(all: T[], query: URLSearchParams, isGitea: boolean): Answer {
  const size = Math.min(Number(query.get('per_page') ?? 30), isGitea ? 50 : 100)
  const number = Number(query.get('page') ?? 1)
  const hasMore = all.length > number * size
  const link = `<${elsewhere}/pulls?page=${number + 1}>; rel="next"`
  return {
    status: 200,
    body: all.slice((number - 1) * size, number * size),
    ...(hasMore && { headers: { link } }),
  }
}

/** Of what nobody asks. */
const elsewhere = 'https://forge.example'
const at = '2026-01-01T00:00:00Z'

const refused = (message: string) => ({
  message: 'Validation Failed',
  documentation_url: `${elsewhere}/rest`,
  errors: [{ code: 'custom', message }],
})

function simple(
  { number, repository, branch, base, title, body, state, isMerged, mergedAt, isDraft, labels }: Pull,
  site: string,
) {
  const [owner] = repository.split('/')
  const page = `${site}/${repository}/pulls/${number}`
  const link = { href: page }
  const end = (ref: string) => ({
    label: `${owner}:${ref}`,
    ref,
    repo: { full_name: repository },
    sha: '0'.repeat(40),
    user: person(owner!),
  })
  return {
    id: number,
    node_id: `pull-${number}`,
    number,
    url: page,
    html_url: page,
    diff_url: page,
    patch_url: page,
    issue_url: page,
    commits_url: page,
    comments_url: page,
    review_comments_url: page,
    review_comment_url: page,
    statuses_url: page,
    state,
    locked: false,
    title,
    body,
    user: person(owner!),
    labels: labels.map(label),
    milestone: null,
    assignee: null,
    draft: isDraft,
    created_at: at,
    updated_at: at,
    closed_at: state === 'closed' ? at : null,
    merged_at: isMerged ? (mergedAt ?? at) : null,
    merge_commit_sha: null,
    head: end(branch),
    base: end(base),
    author_association: 'OWNER',
    auto_merge: null,
    _links: {
      self: link,
      html: link,
      issue: link,
      comments: link,
      review_comments: link,
      review_comment: link,
      commits: link,
      statuses: link,
    },
  }
}

const whole = (pull: Pull, site: string) => ({
  ...simple(pull, site),
  additions: 1,
  deletions: 1,
  changed_files: 1,
  commits: 1,
  comments: pull.comments.length,
  review_comments: 0,
  mergeable: null,
  mergeable_state: 'unknown',
  merged: pull.isMerged,
  merged_by: null,
  maintainer_can_modify: false,
})

const comment = ({ number, comments }: Pull) => ({
  id: comments.length,
  node_id: `comment-${number}-${comments.length}`,
  url: elsewhere,
  html_url: elsewhere,
  issue_url: elsewhere,
  user: person('ada'),
  body: comments.at(-1),
  created_at: at,
  updated_at: at,
  author_association: 'OWNER',
})

const label = (name: string) => ({
  id: 1,
  node_id: name,
  url: elsewhere,
  name,
  description: null,
  color: 'ffffff',
  default: false,
})

const person = (login: string) => ({
  login,
  id: 1,
  node_id: login,
  avatar_url: elsewhere,
  gravatar_id: null,
  url: elsewhere,
  html_url: elsewhere,
  followers_url: elsewhere,
  following_url: elsewhere,
  gists_url: elsewhere,
  starred_url: elsewhere,
  subscriptions_url: elsewhere,
  organizations_url: elsewhere,
  repos_url: elsewhere,
  events_url: elsewhere,
  received_events_url: elsewhere,
  type: 'User',
  site_admin: false,
})
