import { type Disposition, Problem } from '../../schema/problem.ts'

/** What the API answers with an error. */
export interface Status {
  kind?: string
  code?: number
  reason?: string
  message?: string
  details?: {
    name?: string
    kind?: string
    causes?: { reason?: string; field?: string; message?: string }[]
    retryAfterSeconds?: number
  }
}

/** An answer of the API that is no success, or none at all (`status` 0). */
export class ApiProblem extends Problem {
  /** HTTP status; 0 when nothing was answered. */
  readonly status: number
  /** Machine-readable causes: of an invalid object, or of a namespace that is being deleted. */
  readonly causes: { reason?: string; field?: string; message?: string }[]
  /** When the server says to try again. */
  readonly retryAfterMs?: number

  constructor(
    status: number,
    reason: string,
    message: string,
    options: {
      causes?: ApiProblem['causes']
      retryAfterMs?: number
      disposition?: Disposition
      hint?: string
      cause?: unknown
    } = {},
  ) {
    super(reason, message, options)
    this.status = status
    this.causes = options.causes ?? []
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }
}

const hints: Record<number, string> = {
  400: 'Change what it names; an admission webhook may have refused it.',
  401: 'Check the credentials: the token may have expired.',
  403: 'Grant the permission, raise the quota or satisfy the admission webhook that it names.',
  404: 'Create it, or check the name and the namespace.',
  409: 'Nothing: it is tried again with the newest version.',
  413: 'Make the object smaller.',
  422: 'Change the fields that it names.',
  429: 'Nothing: the API server is busy, and it is tried again.',
  500: 'Nothing, if it passes: it is tried again. Else see to what it names: the API server, etcd or an admission webhook.',
}

/** Of an answer that is no success. @param what the request, as a person would say it: `apply deployments/a` */
export function answered(what: string, status: number, text: string, retryAfter?: string): ApiProblem {
  const body = statusOf(text)
  const causes = body.details?.causes ?? []
  const seconds = Number(retryAfter ?? body.details?.retryAfterSeconds)
  const isEnding = causes.some(({ reason }) => reason === 'NamespaceTerminating')
  const hint = isEnding
    ? 'Wait for the namespace to be gone, then create it again.'
    : (hints[status] ?? (status >= 500 ? hints[500] : undefined))
  return new ApiProblem(
    status,
    isEnding ? 'NamespaceTerminating' : reasonOf(status, body),
    `cannot ${what}: ${body.message ?? (text.trim().slice(0, 300) || `the API server answered ${status}`)}`,
    {
      causes,
      ...(Number.isFinite(seconds) && { retryAfterMs: seconds * 1_000 }),
      ...(hint !== undefined && { hint }),
      disposition: waits.has(status) ? 'waiting' : 'transient',
    },
  )
}

/** As the API calls them. An admission webhook that refuses often gives a status alone. */
const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  422: 'Invalid',
  429: 'TooManyRequests',
}

/** An error of the server, which it calls `InternalError`, has another name: so a mistake of ours is called. */
function reasonOf(status: number, { reason }: Status): string {
  if (reason && reason !== 'InternalError') return reason
  return reasons[status] ?? (status >= 500 ? 'ApiServerError' : `Status${status}`)
}

/** Someone else must act first: retried, and not as an error of ours. */
const waits = new Set([400, 401, 403, 404, 422])

export function unanswered(what: string, error: Error): ApiProblem {
  const { code } = error as NodeJS.ErrnoException
  return new ApiProblem(
    0,
    'ApiUnreachable',
    `cannot ${what}: ${code ?? ''}${code ? ': ' : ''}${error.message}`,
    {
      hint: 'Check that the API server runs and can be reached; it is tried again.',
      cause: error,
    },
  )
}

function statusOf(text: string): Status {
  try {
    const body = JSON.parse(text) as Status
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}

export const isNotFound = (error: unknown) => error instanceof ApiProblem && error.status === 404
/** Another version of the object is there, or it exists already. */
export const isConflict = (error: unknown) => error instanceof ApiProblem && error.status === 409
/** The object is not allowed to be so, or to become so. */
export const isInvalid = (error: unknown) => error instanceof ApiProblem && error.status === 422
/** What was asked for is older than what the server remembers. */
export const isGone = (error: unknown) => error instanceof ApiProblem && error.status === 410
