import { createHmac } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { startClusterController } from '../controller/cluster/cluster-controller.ts'
import { kubernetesOrchestrators } from '../controller/cluster/kubernetes-orchestrators.ts'
import type { DataflowSpec } from '../controller/cluster/resource.ts'
import type { ControllerEvent } from '../controller/options.ts'
import { type Cluster, startCluster } from '../test/cluster/cluster.ts'
import { runtimeImage } from '../test/cluster/images.ts'
import { run as command } from '../test/cluster/run-program.ts'
import { Stage } from '../test/cluster/support/stage.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { markCode, markedFlow, markedLoad } from './support/marked-flow.ts'
import { podMarks, podSteps } from './support/pod-marks.ts'
import { until } from './support/until.ts'

const perSecond = 100
const others = 9
const giveUpMs = 300_000
const secret = 'a webhook'
const ways = { ConfigMap: 3, image: 5 } // goals, s

interface Surroundings {
  cluster: Cluster
  stage: Stage
  /** Of the controller. */
  url: string
  events: ControllerEvent[]
  at: Map<ControllerEvent, number>
}

/** From `git push` until the first record by the new code has left the dataflow: one changed function of 10, each a pod
 *  of a cluster of two nodes on this machine, over 100 records a second. The forge calls the webhook. The controller runs
 *  beside the cluster. */
export default {
  name: 'push-k8s',
  async run({ runs }) {
    await using stack = new AsyncDisposableStack()
    const cluster = await startCluster({ nodes: 2 })
    stack.defer(() => cluster.stop())
    const state = await mkdtemp(join(tmpdir(), 'dyninka-'))
    stack.defer(() => rm(state, { recursive: true, force: true, maxRetries: 5 }))
    const broker = { url: cluster.broker.url, close: async () => {} }
    const stage = await Stage.over({ ...cluster, stop: async () => {} }, broker)
    stack.defer(() => stage.close())
    await stage.repository.publish(markedFlow(others))
    const events: ControllerEvent[] = []
    const at = new Map<ControllerEvent, number>()
    const controller = await startClusterController({
      client: stage.client,
      openOrchestrator: kubernetesOrchestrators({ image: runtimeImage }),
      ownNamespace: 'default',
      state,
      listen: '127.0.0.1:0',
      webhookSecret: secret,
      logger: pino({ level: process.env.DEBUG ?? 'silent' }, process.stderr),
      onEvent(_, event) {
        events.push(event)
        at.set(event, performance.now())
      },
    })
    stack.defer(() => controller.stop())
    const surroundings = { cluster, stage, url: controller.url, events, at }
    const figures: Figure[] = []
    for (const [way, goal] of Object.entries(ways))
      figures.push(...(await measure(way, goal, runs, surroundings)))
    return figures
  },
} satisfies Bench

async function measure(
  way: string,
  goal: number,
  runs: number,
  { cluster, stage, url, events, at }: Surroundings,
) {
  const spec: Partial<DataflowSpec> = way === 'image' ? await registryOf(cluster) : {}
  const first = await stage.repository.publish({ 'mark.ts': markCode(0) })
  await stage.apply('bench', { ...spec, source: { interval: '30s' } })
  await stage.ready('bench', first, giveUpMs)
  const marks = await podMarks(stage.client, {
    ...{ namespace: 'default', flow: 'bench', node: 'mark' },
    broker: cluster.broker.url,
  })
  const load = await markedLoad(cluster.broker.url, perSecond)
  const parts = new Map<string, number[]>()
  const totals: number[] = []
  for (let run = 1; run <= runs; run++) {
    await sleep(1_500)
    await stage.repository.write({ 'mark.ts': markCode(run) })
    const commit = await stage.repository.commit()
    events.length = 0
    const start = performance.now()
    await stage.repository.push()
    const pushed = performance.now()
    await callWebhook(url)
    await until('a record by the new code', () => load.firstBy.has(run), giveUpMs)
    const done = load.firstBy.get(run)!
    const when = (type: ControllerEvent['type']) => at.get(events.find(event => event.type === type)!)!
    totals.push((done - start) / 1_000)
    const steps: [string, number][] = [
      ['git push', pushed],
      ['webhook, fetch', when('fetched')],
      ['check, build', when('built')],
      [
        way === 'image' ? 'image pushed, Deployment applied' : 'ConfigMap and Deployment applied',
        when('started'),
      ],
      ...podSteps.map((step): [string, number] => [step, marks.seen.get(step)!]),
      ['first record', done],
    ]
    let last = start
    for (const [name, time] of steps) {
      parts.set(name, [...(parts.get(name) ?? []), time - last])
      last = time
    }
    await stage.ready('bench', commit, giveUpMs)
  }
  await load.stop()
  await until('all has arrived', () => load.missing() === 0).catch(() => {})
  await load.close()
  await marks.close()
  await stage.api.kubectl('delete', 'dataflow', 'bench', '--timeout=150s')
  const part = ([name, values]: [string, number[]]): Figure => ({
    name: `${way}, of that: ${name}`,
    value: median(values),
    unit: 'ms',
    better: 'lower',
  })
  return [
    {
      name: `${way}: git push to first record by the new pod`,
      value: median(totals),
      unit: 's',
      goal,
      better: 'lower',
    },
    ...[...parts].map(part),
    {
      name: `${way}: records lost of ${load.sent()}`,
      value: load.missing(),
      unit: '',
      goal: 0,
      better: 'lower',
    },
  ] satisfies Figure[]
}

/** With the base that images of functions are made on. */
async function registryOf({ registry }: Cluster): Promise<Partial<DataflowSpec>> {
  const base = `${registry}/dyninka/node:24`
  const main = new URL('../cli/main.ts', import.meta.url).pathname
  await command(process.execPath, [main, 'base', '--push', `http://${base}`])
  return { registry: { image: `${registry}/flows`, base, insecure: true } }
}

/** As a forge does after a push. */
async function callWebhook(url: string): Promise<void> {
  const body = JSON.stringify({ ref: 'refs/heads/main' })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }
  const { status } = await fetch(`${url}/webhook`, { method: 'POST', headers, body })
  if (status !== 202) throw new Error(`the webhook answered ${status}`)
}
