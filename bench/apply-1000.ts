import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { hostBundle } from '../builder/index.ts'
import { artifactPath } from '../builder/store.ts'
import type { Context } from '../controller/context.ts'
import { Dataflow } from '../controller/dataflow.ts'
import { InventoryFiles } from '../controller/inventory-files.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { reconcile } from '../controller/reconcile.ts'
import { Secrets } from '../controller/secrets.ts'
import { type ApiServer, startApiServer } from '../test/cluster/api-server.ts'
import { AuditLog, ClusterWorld } from '../test/support/cluster-world.ts'
import { type Bench, median } from './figure.ts'
import { wideFlow } from './support/wide-flow.ts'

const functions = 1_000

/** Passes over a dataflow of 1,000 functions against a real API server alone: it keeps objects, and nothing makes pods
 *  of them. Writes are what its audit log says; the memory is that of this process, and so of the controller's parts:
 *  reconciler, orchestrator and client, with the broker in memory. */
export default {
  name: 'apply-1000',
  async run({ runs }) {
    const folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
    const audit = new AuditLog(folder)
    const api = await startApiServer({ args: audit.args })
    const access = { serviceAccount: await serviceAccount(api) }
    const world = await ClusterWorld.make(access)
    try {
      const runtime = await hostBundle(folder)
      const orchestrator = await world.open(access, { dataflow: 'wide', store: folder })
      const { context, dataflow } = controllerOf(folder, runtime)
      context.orchestrator = orchestrator
      const pass = async () => {
        const start = performance.now()
        await reconcile(dataflow, context)
        return (performance.now() - start) / 1000
      }
      const first = await pass()
      const written = (await audit.writes(world.namespace)).length
      await pass()
      const idle: number[] = []
      for (let run = 0; run < runs; run++) idle.push(await pass())
      const writesIdle = (await audit.writes(world.namespace)).length - written
      const changed: number[] = []
      let writesChanged = 0
      for (let run = 0; run < runs; run++) {
        const before = (await audit.writes(world.namespace)).length
        dataflow.inventory!.artifacts.f500 = artifact(folder, `f500-${run}`)
        changed.push(await pass())
        writesChanged = Math.max(writesChanged, (await audit.writes(world.namespace)).length - before)
      }
      return [
        { name: `first apply of ${functions} functions`, value: first, unit: 's', goal: 30, better: 'lower' },
        { name: 'requests for it that write', value: written, unit: '', better: 'lower' },
        {
          name: 'memory of the process, at most',
          value: process.resourceUsage().maxRSS / 1024,
          unit: 'MiB',
          goal: 150,
          better: 'lower',
        },
        {
          name: 'pass with one function changed',
          value: median(changed),
          unit: 's',
          goal: 1,
          better: 'lower',
        },
        {
          name: 'requests for it that write: code, Deployment',
          value: writesChanged,
          unit: '',
          goal: 2,
          better: 'lower',
        },
        { name: 'pass with nothing changed', value: median(idle), unit: 's', goal: 0.3, better: 'lower' },
        { name: 'requests for it that write ', value: writesIdle, unit: '', goal: 0, better: 'lower' },
      ]
    } finally {
      await world.close()
      await api.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
} satisfies Bench

/** Folder with the rights of a pod, as a cluster would mount it. */
async function serviceAccount(api: ApiServer): Promise<string> {
  const [host, port] = new URL(api.url).host.split(':')
  process.env.KUBERNETES_SERVICE_HOST = host
  process.env.KUBERNETES_SERVICE_PORT = port
  await api.kubectl('create', 'serviceaccount', 'controller')
  const binding = ['clusterrolebinding', 'controller', '--clusterrole=cluster-admin']
  await api.kubectl('create', ...binding, '--serviceaccount=default:controller')
  const certificate = 'jsonpath={.clusters[0].cluster.certificate-authority-data}'
  const folder = join(api.folder, 'service-account')
  mkdirSync(folder)
  writeFileSync(join(folder, 'token'), await api.kubectl('create', 'token', 'controller'))
  writeFileSync(join(folder, 'namespace'), 'default')
  const encoded = await api.kubectl('config', 'view', '--raw', '-o', certificate)
  writeFileSync(join(folder, 'ca.crt'), Buffer.from(encoded, 'base64'))
  return folder
}

function controllerOf(store: string, runtime: { digest: string; path: string }) {
  const memory = new MemoryOrchestrator()
  const inventories = new InventoryFiles(store)
  const flow = wideFlow(functions)
  const dataflow = new Dataflow('.')
  dataflow.inventory = {
    v: 1,
    name: flow.name,
    folder: '.',
    revision: 'main@sha1:0',
    flow,
    artifacts: Object.fromEntries(
      flow.nodes.filter(({ kind }) => kind === 'function').map(({ name }) => [name, artifact(store, name)]),
    ),
    runtime: { digest: runtime.digest, path: runtime.path },
    sessions: {},
    history: [],
  }
  const context: Context = {
    broker: memory.broker,
    orchestrator: memory,
    secrets: new Secrets({ state: store, env: {} }),
    inventories,
    store,
    runtime: dataflow.inventory.runtime,
    silentMs: Number.POSITIVE_INFINITY,
    log: pino({ level: 'silent' }),
    emit() {},
    claim: () => undefined,
    record() {},
  }
  return { context, dataflow }
}

/** Of 4 KB, as a small function with its source map is. */
function artifact(store: string, name: string) {
  const digest = `sha256:${Buffer.from(name.padEnd(32, '.')).toString('hex')}`
  const path = artifactPath(store, digest)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'function.mjs'), `export default value => value // ${name}\n`.padEnd(1_000, ' '))
  writeFileSync(join(path, 'function.mjs.map'), JSON.stringify({ name, text: 'x'.repeat(3_000) }))
  return { digest, path }
}
