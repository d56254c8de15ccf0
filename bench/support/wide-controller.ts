import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { artifactPath } from '../../builder/store.ts'
import type { Context } from '../../controller/context.ts'
import { Dataflow } from '../../controller/dataflow.ts'
import { InventoryFiles } from '../../controller/inventory-files.ts'
import { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { KubernetesOrchestrator } from '../../controller/orchestrator/kubernetes/kubernetes-orchestrator.ts'
import { MemoryOrchestrator } from '../../controller/orchestrator/memory-orchestrator.ts'
import { reconcile } from '../../controller/reconcile.ts'
import { Secrets } from '../../controller/secrets.ts'
import { wideFlow } from './wide-flow.ts'

/** What a wide controller is told. */
export interface WideOptions {
  functions: number
  /** Of its artifacts, the bundle of the host among them. */
  store: string
  runtime: { digest: string; path: string }
  namespace: string
  /** Folder with its service account. */
  serviceAccount: string
}

export type WideRequest = { do: 'pass' } | { do: 'change'; function: string; code: string }
export interface WideAnswer {
  seconds: number
  /** The most that the process had so far. */
  memoryMiB: number
}

/** The parts of a controller that follow one dataflow in a cluster, with the broker in memory: makes a pass whenever it is
 *  told to. */
const options = JSON.parse(process.argv[2]!) as WideOptions
const { context, dataflow } = await controllerOf(options)
process.on('message', async (request: WideRequest) => {
  if (request.do === 'change')
    dataflow.inventory!.artifacts[request.function] = artifact(options.store, request.code)
  const start = performance.now()
  await reconcile(dataflow, context)
  const seconds = (performance.now() - start) / 1000
  process.send!({ seconds, memoryMiB: process.resourceUsage().maxRSS / 1024 } satisfies WideAnswer)
})
process.send!('ready')

async function controllerOf({ functions, store, runtime, namespace, serviceAccount }: WideOptions) {
  const flow = wideFlow(functions)
  const log = pino({ level: 'silent' })
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
    runtime,
    sessions: {},
    history: [],
  }
  const context: Context = {
    broker: new MemoryOrchestrator().broker,
    orchestrator: await KubernetesOrchestrator.open({
      client: await KubernetesClient.open({ serviceAccount }),
      namespace,
      dataflow: flow.name,
      broker: { url: 'mqtt://broker.messaging.svc:1883' },
      image: 'registry.example/base:1',
      store,
      log,
    }),
    secrets: new Secrets({ state: store, env: {} }),
    inventories: new InventoryFiles(store),
    store,
    runtime,
    silentMs: Number.POSITIVE_INFINITY,
    log,
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
