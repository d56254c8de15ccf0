import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hostFlags } from '../../../builder/index.ts'
import type { HostEnvironment } from '../../../runtime/presence.ts'
import { Problem } from '../../../schema/problem.ts'
import type { Ways } from '../../broker/ways.ts'
import type { HostSpec } from '../orchestrator.ts'

export interface Launch {
  spec: HostSpec
  id: string
  /** Of the record of this host: on the command line it tells our processes from others. */
  record: string
  log: string
  ways: Ways
  /** Between two reports of figures. */
  figuresMs?: number
  secrets: ReadonlyMap<string, string>
  /** Working folder of the process. */
  folder: string
  compileCache: string
}

// What a function may see of the controller's own environment: no token, no secret of another function.
const inherited = [
  'PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR',
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy',
] // biome-ignore format: a list to scan

/** Starts the process of one host; it goes on when the controller ends. @throws Problem when it can't be started */
export function launch({
  spec,
  id,
  record,
  log,
  ways,
  figuresMs,
  secrets,
  folder,
  compileCache,
}: Launch): ChildProcess {
  const { workload } = spec
  const own: HostEnvironment = {
    DYNINKA_FLOW: workload.flow,
    DYNINKA_NODE: spec.place,
    DYNINKA_FUNCTION: workload.node,
    DYNINKA_HOST: id,
    DYNINKA_GENERATION: String(spec.generation),
    DYNINKA_ARTIFACT: workload.artifact,
    DYNINKA_BROKER: ways.home,
    ...(Object.keys(ways.zones).length > 0 && { DYNINKA_ZONE_BROKERS: JSON.stringify(ways.zones) }),
    ...(figuresMs !== undefined && { DYNINKA_FIGURES_MS: String(figuresMs) }),
    DYNINKA_ENV: [...Object.keys(workload.env), ...workload.secrets].join(','),
    ...(workload.code !== undefined && { DYNINKA_CODE: join(workload.code, 'function.mjs') }),
  }
  const values = workload.secrets.flatMap(name => {
    const value = secrets.get(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  mkdirSync(dirname(log), { recursive: true })
  mkdirSync(folder, { recursive: true })
  const fd = openSync(log, 'a')
  try {
    const child = spawn(
      process.execPath,
      [...hostFlags, join(workload.host, 'host.mjs'), `--record=${record}`, `--id=${id}`],
      {
        cwd: folder,
        detached: true,
        stdio: ['ignore', fd, fd],
        env: {
          ...Object.fromEntries(
            inherited.flatMap(name => (name in process.env ? [[name, process.env[name]]] : [])),
          ),
          NODE_COMPILE_CACHE: compileCache,
          ...workload.env,
          ...Object.fromEntries(values),
          ...own,
        },
      },
    )
    child.unref()
    return child
  } catch (error) {
    throw new Problem(
      'HostNotStarted',
      `cannot start a host of ${workload.flow}/${workload.node}: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  } finally {
    closeSync(fd)
  }
}
