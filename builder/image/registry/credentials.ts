import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Problem } from '../../../schema/problem.ts'

/** For one registry. */
export interface Credentials {
  username: string
  password: string
  /** Exchanged for tokens in place of a password. */
  identityToken?: string
}

/** Looks credentials up for a host, and perhaps a repository in it. */
export type FindCredentials = (host: string, repository: string) => Promise<Credentials | undefined>

/** What `docker login` writes, and what pull secrets of Kubernetes hold. */
interface DockerConfig {
  auths?: { [server: string]: Entry }
  credHelpers?: { [host: string]: string }
  credsStore?: string
}
interface Entry {
  auth?: string
  username?: string
  password?: string
  identitytoken?: string
}

/** Reads `~/.docker/config.json`, or that in `DOCKER_CONFIG`, each time: it may change. Where there is none, nobody has
 *  credentials. @throws Problem when it is not JSON */
export const dockerCredentials =
  (folder = process.env.DOCKER_CONFIG ?? join(homedir(), '.docker')): FindCredentials =>
  async (host, repository) => {
    const file = join(folder, 'config.json')
    const content = await readFile(file, 'utf8').catch(() => undefined)
    return content === undefined ? undefined : find(parse(content, file), host, repository)
  }

/** Of a pull secret. @param content the decoded value of its key `.dockerconfigjson` @throws Problem, at once */
export function pullSecretCredentials(content: string): FindCredentials {
  const config = parse(content, 'the pull secret')
  return async (host, repository) => inAuths(config.auths, host, repository)
}

function parse(content: string, name: string): DockerConfig {
  try {
    const config = JSON.parse(content)
    if (typeof config === 'object' && config !== null) return config
  } catch {} // the message of the parser would show a part of it
  throw new Problem(
    'InvalidCredentials',
    `${name} does not hold credentials for registries: it is no JSON object`,
    {
      disposition: 'waiting',
      hint: 'Make it with `docker login`, or with `kubectl create secret docker-registry`.',
    },
  )
}

async function find(config: DockerConfig, host: string, repository: string) {
  const helper = config.credHelpers?.[host] ?? config.credsStore
  const helped = helper && (await ask(helper, host === 'docker.io' ? hub : host))
  return helped || inAuths(config.auths, host, repository)
}

const hub = 'https://index.docker.io/v1/'

/** The entry that names most of `host/repository`: some are for a whole registry, some for a part of it. */
function inAuths(auths: DockerConfig['auths'], host: string, repository: string): Credentials | undefined {
  const names = host === 'docker.io' ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [host]
  const wanted = names.map(name => `${name}/${repository}`)
  const [best] = Object.entries(auths ?? {})
    .map(([server, entry]) => ({
      path: server.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, ''),
      entry,
    }))
    .filter(({ path }) => wanted.some(name => name === path || name.startsWith(`${path}/`)))
    .sort((a, b) => b.path.length - a.path.length)
  return best && credentialsIn(best.entry)
}

function credentialsIn({ auth, username, password, identitytoken }: Entry): Credentials | undefined {
  const decoded = auth ? Buffer.from(auth, 'base64').toString('utf8') : `${username ?? ''}:${password ?? ''}`
  const colon = decoded.indexOf(':')
  if (identitytoken) return { username: '', password: '', identityToken: identitytoken }
  if (colon < 1) return undefined
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, '') }
}

/** Asks a credential helper, as Docker does. One that fails, or knows nothing, is as none. */
async function ask(helper: string, server: string): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(helper)) return undefined
  const child = spawn(`docker-credential-${helper}`, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 10_000,
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {}).end(server)
  try {
    const { Username, Secret } = JSON.parse(await text(child.stdout))
    if (Username === '<token>') return { username: '', password: '', identityToken: Secret }
    return Username && Secret ? { username: Username, password: Secret } : undefined
  } catch {
    return undefined
  }
}
