import { setTimeout as sleep } from 'node:timers/promises'
import { resources } from '../../../controller/kubernetes/resource.ts'
import type { ClusterNode } from '../../cluster/node.ts'
import type { Checker } from '../checker.ts'
import type { Dataflow } from '../dataflow.ts'
import { Doings } from '../doings.ts'
import { pushed } from '../pushed.ts'
import { type Action, isEdge, type Target } from '../schedule.ts'
import { brokerPods, type PodStand } from './stand.ts'

const namespace = 'default'
/** The first node has the volume of the broker. */
const firstThatMayGo = 1

interface World {
  dataflow: Dataflow
  stand: PodStand
  checker: Checker
}

/** Does to pods and nodes what the schedule says. */
export class PodFaults {
  /** One node at a time is out of order, and one controller. */
  readonly doings = new Doings(kind => turns[kind] ?? [])
  /** The revision that was pushed last. */
  commit: string | undefined
  #world: World

  constructor(world: World) {
    this.#world = world
  }

  begin(action: Action): void {
    this.doings.begin(action.kind, () => this.#do(action))
  }

  async over(): Promise<void> {
    await this.doings.over()
    await Promise.all(this.#world.stand.cluster.nodes.map(node => node.ready()))
  }

  async #do(action: Action): Promise<void> {
    const { dataflow, stand } = this.#world
    const { cluster } = stand
    switch (action.kind) {
      case 'delete':
        return this.#disturbing(action.targets.some(isEdge), async () => {
          for (const target of action.targets) await this.#delete(target, action.pick, action.graceSeconds)
        })
      case 'drain':
        return this.#atNode(action.pick, async ({ name }) => {
          const selector = '--pod-selector=dyninka.dev/flow'
          await cluster
            .kubectl('drain', name, selector, '--delete-emptydir-data', '--timeout=20s')
            .catch(() => {}) // a disruption budget may let none go
          await sleep(action.ms)
          await cluster.kubectl('uncordon', name)
        })
      case 'kubelet':
        return this.#atNode(action.pick, async node => {
          await node.stopKubelet()
          await sleep(action.ms)
          await node.startKubelet()
        })
      case 'unplug':
        return this.#atNode(action.pick, async node => {
          await node.unplug()
          await sleep(action.ms)
          await node.plug()
        })
      case 'power':
        return this.#atNode(action.pick, async node => {
          await node.powerOff()
          await sleep(action.ms)
          await node.powerOn()
        })
      case 'broker':
        return this.#disturbing(true, async () => {
          await cluster.kubectl('delete', 'pod', '-l', brokerPods)
          const isThere = ['wait', 'pod', '-l', brokerPods]
          for (const what of ['create', 'condition=Ready'])
            await cluster.kubectl(...isThere, `--for=${what}`, '--timeout=120s')
        })
      case 'controller': {
        const [replica] = stand.stage.replicas.splice(action.pick % 2, 1)
        await replica!.kill()
        await sleep(action.ms)
        await stand.replica()
        return
      }
      case 'move':
      case 'scale':
      case 'update':
      case 'broken':
      case 'stall':
      case 'repartition':
      case 'rewire':
        for await (const commit of pushed(dataflow, action)) this.commit = commit
        return
      default:
        throw new Error('only processes know it')
    }
  }

  /** Source and sink may be there, too. */
  #atNode(pick: number, work: (node: ClusterNode) => Promise<void>): Promise<void> {
    const nodes = this.#world.stand.cluster.nodes.slice(firstThatMayGo)
    const node = nodes[pick % nodes.length]!
    return this.#disturbing(true, async () => {
      await work(node)
      await node.ready()
    })
  }

  /** What reaches the edges of the graph may bring records again there: the checker is told when. */
  async #disturbing(reachesEdges: boolean, work: () => Promise<void>): Promise<void> {
    if (!reachesEdges) return work()
    const settled = this.#world.checker.disturbEdges()
    await work().finally(settled)
  }

  async #delete(target: Target, pick: number, graceSeconds: number | null): Promise<void> {
    const { client } = this.#world.stand.stage
    const { items } = await client.list(resources.Pod, {
      namespace,
      labelSelector: `dyninka.dev/flow=torture,dyninka.dev/function=${target}`,
    })
    const pods = items.map(({ metadata }) => metadata.name).toSorted()
    const name = pods[pick % pods.length]
    if (name === undefined) return
    await client.delete(resources.Pod, { name, namespace, ...(graceSeconds !== null && { graceSeconds }) })
  }
}

const turns: Partial<Record<Action['kind'], string[]>> = {
  drain: ['node'],
  kubelet: ['node'],
  unplug: ['node'],
  power: ['node'],
  controller: ['controller'],
  broker: ['broker'],
}
