import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Problem } from '../../schema/problem.ts'

/** A user and a password or token, for HTTP(S). */
export interface Credentials {
  username: string
  password: string
}

/** A Git URL, apart from what must not be shown. */
export interface Address {
  /** For Git and for people: no password in it. */
  url: string
  kind: 'local' | 'http' | 'ssh' | 'git'
  /** Where a local repository is. */
  path?: string
  /** Those that were in the URL. */
  credentials?: Credentials
}

/** Takes any URL that `git clone` takes, or a path. @throws Problem */
export function parseAddress(text: string): Address {
  if (/\p{Cc}/u.test(text) || text === '' || text.startsWith('-')) throw invalid('it is not a URL')
  if (/^[a-z][a-z0-9+.-]*::/i.test(text)) throw invalid('helpers (`name::address`) may run any program')
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  // `host:path`, as scp has it; a slash before the colon makes it a path.
  if (!scheme && /^[^/\\]+:(?![\\/])/.test(text) && !/^[a-z]:/i.test(text)) return { url: text, kind: 'ssh' }
  if (!scheme && /^[^/\\:]{2,}:\//.test(text)) return { url: text, kind: 'ssh' }
  if (!scheme) return local(resolve(text.replace(/^~(?=\/)/, homedir())))
  if (!URL.canParse(text)) throw invalid('it is not a URL')
  const url = new URL(text)
  switch (scheme) {
    case 'file':
      return local(fileURLToPath(url))
    case 'git':
      return { url: text, kind: 'git' }
    case 'ssh':
      url.password = ''
      return { url: url.href, kind: 'ssh' }
    case 'http':
    case 'https': {
      const [username, password] = [url.username, url.password].map(decodeURIComponent) as [string, string]
      url.username = url.password = ''
      return { url: url.href, kind: 'http', ...(username && { credentials: { username, password } }) }
    }
    default:
      throw invalid(`${scheme}: is not a protocol of Git`)
  }
}

const local = (path: string): Address => ({ url: path, kind: 'local', path })

const invalid = (why: string) =>
  new Problem('InvalidUrl', `the repository's URL can't be used: ${why}`, {
    disposition: 'stalled',
    hint: 'Give a path, or a URL that begins with https://, http://, ssh:// or file://.',
  })

/** Text without the user and password of any URL in it, and without the secrets that are known. */
export function redact(text: string, secrets: readonly (string | undefined)[] = []): string {
  let safe = text.replace(/(\w:\/\/)[^/\s@]+@/g, '$1***@')
  for (const secret of secrets) if (secret) safe = safe.replaceAll(secret, '***')
  return safe
}
