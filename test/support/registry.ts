import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority } from './authority.ts'
import { answers, freePort } from './process-broker.ts'

export interface TestRegistry {
  /** As `127.0.0.1:5000`. */
  host: string
  /** With TLS: the certificate of its authority. */
  caFile?: string
  /** Its own key and certificate. */
  tls?: { key: Buffer; cert: Buffer }
  pid(): number
  /** Where it keeps what it has. */
  storage: string
  /** With -9. */
  kill(): Promise<void>
  /** On the same port, with what it had. */
  restart(): Promise<void>
  /** Requests so far, as `PUT /v2/…`, from its own log. */
  requests(): string[]
  close(): Promise<void>
}

export interface RegistrySettings {
  /** With passwords. */
  users?: Record<string, string>
  tls?: boolean
  /** A token server: where it is, and the certificate with which its tokens can be checked. */
  token?: { realm: string; service: string; issuer: string; certificateFile: string }
  /** Whether sessions of uploads outlive the process. */
  forgetsUploads?: boolean
}

/** With what the tests read its images by, and make its passwords. */
export const hasRegistry = () =>
  ['docker-registry', 'skopeo', 'htpasswd'].every(
    program => spawnSync(program, ['--version']).error === undefined,
  )

/** Debian's docker-registry, in a folder of its own. */
export async function startRegistry(settings: RegistrySettings = {}): Promise<TestRegistry> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-registry-'))
  const port = await freePort()
  const tls = settings.tls ? await makeAuthority(dir) : undefined
  const storage = join(dir, 'storage')
  const config = {
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(!settings.forgetsUploads && { secret: 'of a test' }),
      ...(tls && { tls: { certificate: join(dir, 'server.pem'), key: join(dir, 'server.key') } }),
    },
    ...(settings.users && {
      auth: { htpasswd: { realm: 'test', path: await passwords(dir, settings.users) } },
    }),
    ...(settings.token && {
      auth: {
        token: {
          realm: settings.token.realm,
          service: settings.token.service,
          issuer: settings.token.issuer,
          rootcertbundle: settings.token.certificateFile,
        },
      },
    }),
  }
  const file = join(dir, 'config.yml')
  await writeFile(file, JSON.stringify(config)) // YAML takes it
  let log = ''
  const start = async () => {
    const process = spawn('docker-registry', ['serve', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [process.stdout, process.stderr]) stream.on('data', chunk => (log += chunk))
    await answers(port)
    return process
  }
  let child = await start()
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  return {
    host: `127.0.0.1:${port}`,
    ...tls,
    storage,
    pid: () => child.pid!,
    kill: () => end('SIGKILL'),
    async restart() {
      child = await start()
    },
    requests: () =>
      [...log.matchAll(/"((?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+) HTTP/g)].map(([, line]) => line!),
    async close() {
      await end('SIGTERM')
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function passwords(dir: string, users: Record<string, string>): Promise<string> {
  const lines = Object.entries(users).map(([user, password]) =>
    execFileSync('htpasswd', ['-Bbn', '-C', '4', user, password], { encoding: 'utf8' }).trim(),
  )
  const file = join(dir, 'htpasswd')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}
