import { flushCompileCache } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Hosting } from './hosting.ts'
import type { UserModule } from './invoke.ts'
import { logger } from './log.ts'
import type { HostEnvironment } from './presence.ts'
import { openReadyPort } from './ready-port.ts'
import { unknownBroker } from './sessions.ts'
import { trap } from './trap.ts'
import { unpacked } from './unpacked.ts'
import { wireTransport } from './wire-transport.ts'

/** The process that runs one node of a dataflow. Everything but what is in `HostEnvironment` comes from its wiring. */

const variables = process.env as unknown as HostEnvironment
const drainMs = 5_000

const log = logger({ function: variables.DYNINKA_FUNCTION, host: variables.DYNINKA_HOST })
const env = Object.fromEntries(
  variables.DYNINKA_ENV.split(',')
    .filter(name => name !== '')
    .map(name => [name, process.env[name]]),
)
const zoneBrokers = JSON.parse(variables.DYNINKA_ZONE_BROKERS ?? '{}') as Record<string, string>
const stop = new AbortController()
const { exit } = trap(log)

try {
  const { DYNINKA_CODE: code } = variables
  const module =
    code === undefined ? undefined : ((await import(pathToFileURL(unpacked(code)).href)) as UserModule)
  if (module && typeof module.default !== 'function')
    throw new Error('the file has no default export that is a function')
  await module?.setup?.({ log, env, signal: stop.signal })
  const hosting = new Hosting({
    flow: variables.DYNINKA_FLOW,
    node: variables.DYNINKA_FUNCTION,
    presence: {
      v: 1,
      host: variables.DYNINKA_HOST,
      generation: Number(variables.DYNINKA_GENERATION),
      artifact: variables.DYNINKA_ARTIFACT,
      node: variables.DYNINKA_NODE,
      pid: process.pid,
      startedAt: new Date(Date.now() - process.uptime() * 1000).toISOString(),
    },
    transport: wireTransport(variables.DYNINKA_BROKER),
    transportOf(broker) {
      const url = zoneBrokers[broker]
      if (url === undefined) throw unknownBroker(broker)
      return wireTransport(url)
    },
    transportTo: wireTransport,
    ...(module && { handlers: module }),
    env,
    log,
    ...(variables.DYNINKA_FIGURES_MS !== undefined && { figuresMs: Number(variables.DYNINKA_FIGURES_MS) }),
    ...(variables.DYNINKA_LISTEN !== undefined && { listen: variables.DYNINKA_LISTEN }),
    onReady() {
      const port = variables.DYNINKA_READY_PORT
      if (port !== undefined) openReadyPort(Number(port), log)
    },
    onDismissed() {
      log.warn('the controller wants this host gone, and could not end it otherwise')
      void leave()
    },
  })
  const leave = async () => {
    if (stop.signal.aborted) return
    stop.abort()
    await hosting.stop(drainMs)
    await module?.teardown?.()
    exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, leave)
  await hosting.start()
  flushCompileCache() // so that the next host starts faster, even if this one is killed
} catch (error) {
  log.error('the function could not start', {
    error: (error as Error).message,
    stack: (error as Error).stack,
  })
  exit(1)
}
