import type { IncomingMessage } from 'node:http'
import { Problem } from '../../../schema/problem.ts'
import { bodyOf } from './transport.ts'
import { notRegistry } from './unreachable.ts'

/** A registry that asks for patience. */
export class Limited extends Problem {
  /** When to try again; undefined when it does not say. */
  readonly retryAfterMs: number | undefined

  constructor(reason: string, message: string, hint: string, retryAfterMs: number | undefined) {
    super(reason, message, { hint })
    this.retryAfterMs = retryAfterMs
  }
}

interface Complaint {
  code?: string
  message?: string
}

/** What an answer means that is not what was asked for, told by status and code (distribution specification, "Error
 *  Codes"). Reads its body. @param doing as `push to host/repository` */
export async function refusal(answer: IncomingMessage, url: URL, doing: string): Promise<Problem> {
  const [complaint, isJson] = complaintIn(await bodyOf(answer, url).catch(() => Buffer.alloc(0)))
  const status = answer.statusCode ?? 0
  const why =
    [complaint?.code, complaint?.message?.slice(0, 300)].filter(Boolean).join(': ') || `status ${status}`
  const problem = (reason: string, hint: string, disposition: Problem['disposition'] = 'waiting') =>
    new Problem(reason, `can not ${doing}: ${why}`, { disposition, hint })
  if (status === 401 || complaint?.code === 'UNAUTHORIZED') {
    return problem(
      'RegistryUnauthorized',
      'Give credentials that this registry takes: `docker login`, or a pull secret.',
    )
  }
  if (status === 403 || complaint?.code === 'DENIED') {
    return problem(
      'RegistryForbidden',
      'Allow this user to pull and push there, and see whether a quota is used up.',
    )
  }
  if (status === 413 || complaint?.code === 'SIZE_INVALID') {
    return problem(
      'RegistryTooLarge',
      'Raise the size that the registry, or a proxy before it, takes, or its quota.',
    )
  }
  if (status === 507) return problem('RegistryFull', 'Make room in the registry, or raise its quota.')
  if (complaint?.code === 'DIGEST_INVALID') {
    const hint = 'Something between altered what was sent, or the registry is broken; it is tried again.'
    return problem('DigestMismatch', hint, 'transient')
  }
  if (complaint?.code === 'MANIFEST_BLOB_UNKNOWN' || complaint?.code === 'BLOB_UNKNOWN') {
    return problem('BlobMissing', 'The registry has lost a part of the image; it is sent again.')
  }
  if (complaint?.code === 'NAME_UNKNOWN' || complaint?.code === 'NAME_INVALID') {
    return problem('RepositoryMissing', 'Make this repository in the registry, or name another one.')
  }
  if (status === 429) {
    return new Limited(
      'RegistryLimited',
      `can not ${doing}: ${why}`,
      'The registry asks for fewer requests; it is tried again later.',
      afterMs(answer.headers['retry-after']),
    )
  }
  if (status >= 500) {
    return new Limited(
      'RegistryFailing',
      `can not ${doing}: ${why}`,
      'It is tried again; the log of the registry says more.',
      afterMs(answer.headers['retry-after']),
    )
  }
  if (!isJson && (status === 404 || status === 405)) return notRegistry(url.host)
  return problem('RegistryRefused', 'The log of the registry says more.')
}

function complaintIn(body: Buffer): [Complaint | undefined, isJson: boolean] {
  try {
    const document = JSON.parse(body.toString('utf8'))
    const [first] = Array.isArray(document?.errors) ? document.errors : []
    return [typeof first === 'object' && first !== null ? first : undefined, true]
  } catch {
    return [undefined, false]
  }
}

/** Seconds, or a date. */
function afterMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
