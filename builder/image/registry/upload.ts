import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../../schema/problem.ts'
import { type Blob, readBlob } from '../blob.ts'
import { waitAfter } from './patience.ts'
import type { Registry } from './registry.ts'

/** What is larger goes in chunks of this size, so that a cut costs at most one of them. */
export const chunkBytes = 8 * 1024 * 1024

export interface Target {
  registry: Registry
  repository: string
  signal: AbortSignal | undefined
  hasIt(): Promise<boolean>
  /** Opens a session: where to send to, unless the registry could take the blob over from elsewhere. */
  start(): Promise<{ location?: URL; minBytes: number }>
}

/** Sends a blob. After a cut it goes on where the registry says, or from the beginning where it has forgotten.
 *  @returns bytes sent, those sent twice included @throws Problem, AbortError */
export async function upload(blob: Blob, target: Target): Promise<number> {
  const { size, digest } = blob.descriptor
  const { registry, signal } = target
  let sent = 0
  let session: { location: URL; offset: number; stepBytes: number } | undefined
  for (let attempts = 1; ; ) {
    try {
      if (!session) {
        const { location, minBytes } = await target.start()
        if (!location) return sent
        session = { location, offset: 0, stepBytes: Math.max(chunkBytes, minBytes) }
      }
      while (size > session.stepBytes && session.offset < size) {
        const end = Math.min(size, session.offset + session.stepBytes)
        const bytes = end - session.offset
        sent += bytes
        session = { ...session, ...(await sendChunk(blob, session, end, target)) }
        registry.onSent(bytes)
        attempts = 1
      }
      if (session.offset < size) sent += size - session.offset
      await finish(blob, session, digest, target)
      return sent
    } catch (error) {
      const waitMs = waitAfter(error, attempts++, registry.patience)
      if (waitMs === undefined) throw error
      await sleep(waitMs, undefined, signal && { signal })
      if (await target.hasIt()) return sent // only the answer was lost
      const wasAltered = error instanceof Problem && error.reason === 'DigestMismatch'
      const rest =
        session && !wasAltered && size > session.stepBytes
          ? await resume(session.location, target)
          : undefined
      session = rest && session && { ...session, ...rest }
    }
  }
}

interface Place {
  location: URL
  offset: number
}

async function sendChunk(
  blob: Blob,
  { location, offset }: Place,
  end: number,
  target: Target,
): Promise<Place> {
  const { answer, url } = await ask(target, {
    method: 'PATCH',
    path: location,
    expect: [202, 204],
    headers: { 'content-type': 'application/octet-stream', 'content-range': `${offset}-${end - 1}` },
    body: () => readBlob(blob, offset, end),
    bytes: end - offset,
  })
  answer.resume()
  return {
    location: new URL(answer.headers.location ?? '', url),
    offset: offsetIn(answer.headers.range) ?? end,
  }
}

async function finish(
  blob: Blob,
  { location, offset }: Place,
  digest: string,
  target: Target,
): Promise<void> {
  const path = new URL(location)
  path.searchParams.set('digest', digest)
  const { answer } = await ask(target, {
    method: 'PUT',
    path,
    expect: [201, 204],
    headers: { 'content-type': 'application/octet-stream' },
    body: () => readBlob(blob, offset),
    bytes: blob.descriptor.size - offset,
  })
  answer.resume()
}

/** How far a session has come. @returns undefined when the registry knows nothing of it */
async function resume(location: URL, target: Target): Promise<Place | undefined> {
  try {
    const { answer, url } = await ask(target, { method: 'GET', path: location, expect: [204] })
    answer.resume()
    const { location: next, range } = answer.headers
    return { location: new URL(next ?? location, url), offset: offsetIn(range) ?? 0 }
  } catch (error) {
    if (error instanceof Problem) return undefined // forgotten, or of another process: begin anew
    throw error
  }
}

/** The registry's `0-1023` is 1,024 bytes; but it says `0-0` of none, too. */
function offsetIn(range: string | undefined): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(range ?? '')?.[1]
  return last === undefined ? undefined : last === '0' ? 0 : Number(last) + 1
}

const ask = (
  { registry, repository, signal }: Target,
  request: Omit<Parameters<Registry['ask']>[1], 'doing' | 'signal'>,
) => registry.ask(repository, { doing: 'push to', ...request, ...(signal && { signal }) })
