import { Problem } from '../../schema/problem.ts'

interface Answer {
  status: number
  response?: { headers: Record<string, string | number | undefined>; data?: unknown }
}

/** Of GitHub's secondary limits, which name no time. */
const pauseMs = 60_000

/** What a forge's answer means. @param what was tried, like `set the status of a commit` @param now ms since the epoch */
export function forgeProblem(error: unknown, what: string, repository: string, now = Date.now()): Problem {
  const { status, response } = error as Partial<Answer>
  const { headers = {} } = response ?? {}
  const failed = `could not ${what} of ${repository}`
  const make = (reason: string, why: string, hint: string, againMs?: number) =>
    new Problem(reason, `${failed}: ${why}`, {
      disposition: 'waiting',
      hint,
      cause: error,
      ...(againMs !== undefined && { againMs }),
    })
  const limited = limitOf(status, headers, now, response?.data)
  if (limited !== undefined) {
    const hint = 'It goes on by itself. A GitHub App, or a token of its own, has a limit of its own.'
    return make('ForgeRateLimited', 'the forge takes no more requests for now', hint, limited)
  }
  switch (status) {
    case 401:
      return make(
        'ForgeAuthenticationFailed',
        'the token is refused',
        'Give one that is valid: it may have expired.',
      )
    case 403: {
      const scopes = scopesOf(headers)
      const needed = headers['x-accepted-github-permissions']
      const which = needed
        ? ` the permission: ${needed}`
        : (scopes ?? ' the permissions Commit statuses and Pull requests (read and write)')
      const said = saidIn(response?.data)
      return make(
        'ForgePermissionMissing',
        said ? `the token may not: ${said}` : 'the token may not',
        `Give it${which}.`,
      )
    }
    case 404: {
      // GitHub says so, too, of what a token may not do.
      const scopes = scopesOf(headers)
      const may = scopes ? `, or give the token${scopes}` : ''
      return make(
        'ForgeRepositoryNotFound',
        'the forge knows no such repository',
        `Check its URL, and that the token may see it${may}.`,
      )
    }
    case 409:
    case 422:
      return make('ForgeRefused', saidIn(response?.data) ?? `it is refused (${status})`, 'See what it says.')
    default:
      return new Problem(
        'ForgeUnreachable',
        `${failed}: ${status && status !== 500 ? `the forge answers ${status}` : (error as Error).message}`,
        { hint: 'It is tried again by itself.', cause: error },
      )
  }
}

/** What a classic token lacks, where the forge says what it has. */
function scopesOf(headers: NonNullable<Answer['response']>['headers']): string | undefined {
  const needed = headers['x-accepted-oauth-scopes']
  const has = headers['x-oauth-scopes']
  if (!needed || has === undefined) return undefined
  const given = String(has)
    .split(',')
    .map(scope => scope.trim())
  const wanted = String(needed)
    .split(',')
    .map(scope => scope.trim())
  if (wanted.some(scope => given.includes(scope))) return undefined
  return ` one of the scopes ${wanted.join(', ')}: it has ${String(has) || 'none'}`
}

/** How long to wait. GitHub answers 403 or 429 to who asks too often, and says so in headers. */
function limitOf(
  status: number | undefined,
  headers: NonNullable<Answer['response']>['headers'],
  now: number,
  data: unknown,
): number | undefined {
  if (status !== 403 && status !== 429) return undefined
  const after = Number(headers['retry-after'])
  if (headers['retry-after'] !== undefined && after >= 0) return after * 1_000
  const reset = Number(headers['x-ratelimit-reset'])
  if (String(headers['x-ratelimit-remaining']) === '0' && reset > 0) return Math.max(0, reset * 1_000 - now)
  // A secondary limit of GitHub may name no time: what it refers to tells it.
  const { documentation_url: about } = (data ?? {}) as { documentation_url?: unknown }
  const isLimit = typeof about === 'string' && about.includes('rate-limit')
  return status === 429 || isLimit ? pauseMs : undefined
}

function saidIn(data: unknown): string | undefined {
  const { message, errors } = (data ?? {}) as { message?: unknown; errors?: unknown }
  if (typeof message !== 'string') return undefined
  const each = Array.isArray(errors)
    ? errors
        .map(error => (typeof error === 'string' ? error : (error?.message ?? error?.code)))
        .filter(Boolean)
    : []
  return each.length > 0 ? `${message} (${each.join('; ')})` : message
}
