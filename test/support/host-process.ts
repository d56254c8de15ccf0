import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { hostFlags } from '../../builder/host-flags.ts'

export interface HostProcess {
  id: string
  child: ChildProcess
  /** Everything that it has logged, one object a line. */
  log: Record<string, unknown>[]
  exited: Promise<number | null>
}

interface Start {
  host: string
  flow: string
  node: string
  broker: string
  code?: string
  generation?: number
  env?: Record<string, string>
}

let started = 0

/** A host as an orchestrator starts it. @param host absolute path of the bundled `host.mjs` */
export function startHost({ host, flow, node, broker, code, generation = 1, env = {} }: Start): HostProcess {
  const id = `${node}-${process.pid}-${++started}`
  const child = spawn(process.execPath, [...hostFlags, host], {
    env: {
      ...process.env,
      ...env,
      DYNINKA_FLOW: flow,
      DYNINKA_NODE: 'local',
      DYNINKA_FUNCTION: node,
      DYNINKA_HOST: id,
      DYNINKA_GENERATION: String(generation),
      DYNINKA_ARTIFACT: 'sha256:test',
      DYNINKA_BROKER: broker,
      DYNINKA_ENV: Object.keys(env).join(','),
      ...(code !== undefined && { DYNINKA_CODE: join(code, 'function.mjs') }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: HostProcess['log'] = []
  let rest = ''
  const hear = (chunk: Buffer) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const line of lines) log.push(parse(line))
  }
  child.stdout!.on('data', hear)
  child.stderr!.on('data', hear)
  return { id, child, log, exited: once(child, 'exit').then(([code]) => code as number | null) }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line)
  } catch {
    return { raw: line }
  }
}
