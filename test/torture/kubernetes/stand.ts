import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster } from '../../cluster/cluster.ts'
import { runtimeImage } from '../../cluster/images.ts'
import { localVolume } from '../../cluster/support/local-volume.ts'
import { mosquittoArchive, mosquittoImage } from '../../cluster/support/mosquitto-image.ts'
import { Stage } from '../../cluster/support/stage.ts'
import type { Dataflow } from '../dataflow.ts'

const name = 'torture'
const brokerName = `dyninka-${name}-broker`
export const brokerPods = `dyninka.dev/broker-of=${name}`
const readyMs = 300_000
const leaseMs = 3_000

/** The dataflow as pods: a cluster of three nodes, two controllers of which one leads, a managed broker on the first node. */
export class PodStand {
  readonly cluster: Cluster
  readonly stage: Stage
  /** Of the broker, with the account of the controller. */
  broker = ''
  #stack: AsyncDisposableStack

  static async open({ repository }: Dataflow): Promise<PodStand> {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-torture-pods-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const cluster = await startCluster({ nodes: 3, zones: ['north', 'north', 'south'] })
    stack.defer(() => cluster.stop())
    const image = await mosquittoArchive(folder)
    await cluster.nodes[0]!.importImages(image)
    const volume = join(folder, 'volume')
    await mkdir(volume, { mode: 0o777 })
    await cluster.nodes[0]!.run('chmod', '777', volume)
    await cluster.apply(localVolume('broker', volume, cluster.nodes[0]!.name))
    const api = { ...cluster, stop: async () => {} }
    const stage = await Stage.over(api, { url: '', close: async () => {} }, repository)
    stack.defer(() => stage.close())
    const stand = new PodStand(cluster, stage, stack.move())
    try {
      await stand.#start()
      return stand
    } catch (error) {
      await stand.close()
      throw error
    }
  }

  private constructor(cluster: Cluster, stage: Stage, stack: AsyncDisposableStack) {
    this.cluster = cluster
    this.stage = stage
    this.#stack = stack
  }

  /** One more controller. */
  replica = () =>
    this.stage.replica({
      leaseMs,
      pods: { image: runtimeImage, tolerationSeconds: 3 },
      managedBroker: { image: mosquittoImage, addresses: 'ips' },
    })

  async isReady(commit: string | undefined): Promise<boolean> {
    for (const end = Date.now() + readyMs; Date.now() < end; await sleep(200)) {
      const { status } = (await this.stage.get(name).catch(() => undefined)) ?? {}
      const ready = status?.conditions?.find(({ type }) => type === 'Ready')
      if (ready?.status === 'True' && (commit === undefined || status!.revision?.includes(commit)))
        return true
    }
    return false
  }

  async whereItStands(): Promise<string[]> {
    const { status } = (await this.stage.get(name).catch(() => undefined)) ?? {}
    const functions = (status?.functions ?? []).map(
      ({ name, phase, hosts, message = '' }) => `${name}: ${phase}, ${hosts} hosts ${message}`,
    )
    const conditions = (status?.conditions ?? []).map(condition => JSON.stringify(condition))
    const pods = await this.cluster.kubectl('get', 'pods', '-o', 'wide').catch(String)
    return [...functions, ...conditions, pods]
  }

  /** Copies what the cluster says of it, and its logs. */
  async keep(folder: string): Promise<void> {
    const { kubectl } = this.cluster
    await mkdir(folder, { recursive: true })
    const told = async (file: string, ...args: string[]) =>
      writeFile(join(folder, file), await kubectl(...args).catch(String))
    await told('objects.yaml', 'get', 'dataflows,deployments,pods,nodes', '-o', 'yaml')
    await told('events.txt', 'get', 'events')
    const pods = (await kubectl('get', 'pods', '-o', 'name')).trim().split('\n')
    for (const pod of pods) await told(`${pod.replace('pod/', '')}.log`, 'logs', pod, '--all-containers')
  }

  async close(): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #start(): Promise<void> {
    await Promise.all([this.replica(), this.replica()])
    await this.stage.apply(name, {
      source: { url: `${this.stage.git.url}/${name}.git` },
      broker: { managed: { storageClassName: 'manual' } },
    })
    if (!(await this.isReady(undefined))) throw new Error((await this.whereItStands()).join('\n'))
    const { kubectl } = this.cluster
    const password = await kubectl('get', 'secret', brokerName, '-o', 'jsonpath={.data.password}')
    const address = await kubectl('get', 'service', brokerName, '-o', 'jsonpath={.spec.clusterIP}')
    this.broker = `mqtt://dyninka-controller:${Buffer.from(password, 'base64').toString()}@${address}:1883`
  }
}
