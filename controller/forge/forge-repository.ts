import { Problem } from '../../schema/problem.ts'
import { parseAddress, redact } from '../source/index.ts'
import type { ForgeOptions } from './forge.ts'

/** A repository as its forge knows it. */
export interface ForgeRepository {
  owner: string
  name: string
  /** Base URL of the API, without a slash at its end. */
  api: string
  /** Its page. */
  page: string
}

/** Finds out from the URL that Git uses. @throws Problem where that names no repository of a forge */
export function forgeRepository(
  gitUrl: string,
  { type, url }: Pick<ForgeOptions, 'type' | 'url'>,
): ForgeRepository {
  const place = placeOf(gitUrl)
  if (!place) {
    throw new Problem('NoForge', `a forge is given, but the repository ${redact(gitUrl)} is on none`, {
      disposition: 'stalled',
      hint: 'Follow it by the URL that its forge gives, like https://github.com/OWNER/NAME.git.',
    })
  }
  const { origin, path } = place
  // Gitea may live in a subfolder of its host.
  const segments = path.replace(/\.git$/, '').split('/')
  const [owner, name] = segments.splice(-2)
  if (!owner || !name) {
    throw new Problem('NoForge', `${redact(gitUrl)} does not say whose repository it is`, {
      disposition: 'stalled',
      hint: 'The URL of a repository on a forge ends with OWNER/NAME.git.',
    })
  }
  const root = [origin, ...segments].join('/')
  return {
    owner,
    name,
    api: (url ?? defaultApi(type, root)).replace(/\/+$/, ''),
    page: `${root}/${owner}/${name}`,
  }
}

function placeOf(gitUrl: string): { origin: string; path: string } | undefined {
  const { kind, url } = parseAddress(gitUrl)
  const trimmed = (path: string) => path.replace(/^\/+|\/+$/g, '')
  if (kind === 'http') {
    const { origin, pathname } = new URL(url)
    return { origin, path: trimmed(pathname) }
  }
  if (kind !== 'ssh') return undefined
  // `git@host:owner/name.git`, or ssh://git@host:22/owner/name.git
  const [, host, path] = /^(?:ssh:\/\/)?(?:[^@/]*@)?([^:/]+)(?::\d+(?=\/))?[:/](.*)$/.exec(url) ?? []
  return host && path !== undefined ? { origin: `https://${host}`, path: trimmed(path) } : undefined
}

function defaultApi(type: ForgeOptions['type'], root: string): string {
  if (type === 'gitea') return `${root}/api/v1`
  return root === 'https://github.com' ? 'https://api.github.com' : `${root}/api/v3`
}
