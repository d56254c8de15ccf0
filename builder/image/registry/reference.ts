import { Problem } from '../../../schema/problem.ts'

/** Where an image is, as `registry.example.org:5000/team/image:tag@sha256:…`. */
export interface Reference {
  registry: Address
  repository: string
  tag?: string
  digest?: string
}

/** Of a registry. */
export interface Address {
  /** With the port, if it is not that of the scheme: as it stands in references, and in credentials. */
  host: string
  scheme: 'http' | 'https'
}

const repositoryRule = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
const tagRule = /^\w[\w.-]{0,127}$/
const digestRule = /^sha256:[0-9a-f]{64}$/

/**
 * Reads a reference. Without `http://` before it a registry is asked over HTTPS, unless it is on this machine.
 * @throws Problem
 */
export function parseReference(text: string): Reference {
  const [, scheme, named] = /^(?:(https?):\/\/)?(.*)$/s.exec(text)!
  const [name, digest] = splitAt(named!, '@')
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  const path = hasTag ? name.slice(0, colon) : name
  const tag = hasTag ? name.slice(colon + 1) : undefined
  const slash = path.indexOf('/')
  const first = path.slice(0, Math.max(slash, 0))
  const isHost = scheme !== undefined || /[.:]/.test(first) || first === 'localhost'
  const host = isHost ? first : 'docker.io'
  const rest = isHost ? path.slice(slash + 1) : path
  const repository = host === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest
  const wrong =
    host === '' || /[@\s]/.test(host)
      ? 'it names no registry'
      : !repositoryRule.test(repository)
        ? 'the name of the repository may have lower-case letters, digits, `.`, `_`, `-` and `/`'
        : tag !== undefined && !tagRule.test(tag)
          ? 'the tag is none'
          : digest !== undefined && !digestRule.test(digest)
            ? 'the digest is not `sha256:` with 64 digits'
            : undefined
  if (wrong) {
    throw new Problem('InvalidReference', `${text} is no name of an image: ${wrong}`, {
      disposition: 'stalled',
      hint: 'Write it as registry.example.org/team/image:tag, with http:// before it if the registry has no TLS.',
    })
  }
  return {
    registry: addressOf(host, scheme as Address['scheme'] | undefined),
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  }
}

export function addressOf(host: string, scheme?: Address['scheme']): Address {
  return { host, scheme: scheme ?? (isLoopback(host) ? 'http' : 'https') }
}

export const isLoopback = (host: string) =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(host) || host.endsWith('.localhost')

function splitAt(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
