import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readJson } from '../../controller/atomic-file.ts'
import { awake } from '../../controller/awake.ts'
import { stopEmbeddedBroker } from '../../controller/broker/embedded-broker.ts'
import { stopZoneBrokers } from '../../controller/broker/zone-brokers.ts'
import { stopLinks } from '../../controller/link/links.ts'
import { LocalOrchestrator } from '../../controller/orchestrator/local/local-orchestrator.ts'
import { isAlive, type ProcessIdentity, signal } from '../../controller/process-identity.ts'
import { Problem } from '../../schema/problem.ts'

/** A controller that ends its hosts too, as that of `dyninka dev`, takes up to some seconds for them. */
const CONTROLLER_MS = 20_000

export interface Ended {
  /** Whether one was still there. */
  controller: boolean
  hosts: number
  /** Whether an embedded one ran. */
  broker: boolean
}

/** Ends what runs from a state folder, whether or not its controller is still there. */
export async function endAll(state: string): Promise<Ended> {
  const hosts = await recordedHosts(state)
  const broker = holderOf(state, 'broker.json') !== undefined
  const controller = await endController(state)
  const orchestrator = new LocalOrchestrator({
    state,
    waysOf: () => ({ home: '', zones: {} }),
    secrets: () => new Map(),
    folderOf: () => state,
  })
  await awake(async () => {
    await orchestrator.stopAll()
    await orchestrator.close()
    await stopLinks(state)
    await stopEmbeddedBroker(state)
    await stopZoneBrokers(state)
  })
  return { controller, hosts, broker }
}

/** The process that a file names, if it is alive. */
function holderOf(state: string, file: string): ProcessIdentity | undefined {
  const holder = readJson<ProcessIdentity>(join(state, file))
  return holder && isAlive(holder) ? holder : undefined
}

async function recordedHosts(state: string): Promise<number> {
  const folder = join(state, 'hosts')
  if (!existsSync(folder)) return 0
  return (await readdir(folder, { recursive: true })).filter(file => file.endsWith('.json')).length
}

async function endController(state: string): Promise<boolean> {
  const holder = holderOf(state, 'lock.json')
  if (!holder) return false
  signal(holder, 'SIGTERM')
  for (const end = performance.now() + CONTROLLER_MS; isAlive(holder); await sleep(50)) {
    if (performance.now() < end) continue
    throw new Problem('ControllerStays', `the controller, process ${holder.pid}, does not end`, {
      hint: `End it with \`kill -9 ${holder.pid}\`, then run this again.`,
    })
  }
  return true
}
