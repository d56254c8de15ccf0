import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../../schema/problem.ts'
import { listed } from '../../../schema/suggest.ts'
import type { WaysOf } from '../../broker/ways.ts'
import { identify, isAlive, signal } from '../../process-identity.ts'
import type {
  DeclaredNetwork,
  DeclaredNode,
  HostChange,
  LogLine,
  LogOptions,
  NodeState,
  ObservedHost,
  Orchestrator,
  Workload,
} from '../orchestrator.ts'
import { DrainedNodes } from './drained-nodes.ts'
import { followLogs } from './follow-logs.ts'
import { rotate } from './host-log.ts'
import { launch } from './host-process.ts'
import { type HostRecord, HostRecords, nameOf } from './host-record.ts'
import { machineNodes } from './machine-nodes.ts'
import { hostProcesses } from './processes.ts'
import { pruneFiles } from './prune-files.ts'
import { residentBytes } from './resident.ts'
import { SupervisedHost } from './supervised-host.ts'

export interface LocalOptions {
  state: string
  nodes?: DeclaredNode[]
  network?: DeclaredNetwork
  waysOf: WaysOf
  /** Between two reports of figures of each host. Absent: as a host has it. */
  figuresMs?: number
  secrets: () => ReadonlyMap<string, string>
  /** Folder that relative paths in a dataflow are relative to. */
  folderOf: (flow: string) => string
}

const checkMs = 1_000
const sweepMs = 10_000

const architecture = process.arch === 'x64' ? 'amd64' : process.arch
const oneNode: DeclaredNode[] = [{ name: 'local', zone: 'local', arch: architecture, labels: {} }]

/** Zones that the nodes are in. */
export const zonesOf = (nodes = oneNode): string[] => [...new Set(nodes.flatMap(({ zone }) => zone ?? []))]

/** Hosts as processes of this machine, on virtual nodes. */
export class LocalOrchestrator implements Orchestrator {
  #options: LocalOptions
  #records: HostRecords
  #hosts = new Map<string, SupervisedHost>()
  #listener: (flow: string) => void = () => {}
  #timers: NodeJS.Timeout[]
  #drained: DrainedNodes

  /** Adopts what an earlier controller started, and ends processes of ours that nobody knows. */
  constructor(options: LocalOptions) {
    this.#options = options
    this.#records = new HostRecords(options.state)
    this.#drained = new DrainedNodes(options.state)
    for (const record of this.#records.all()) this.#supervise(record)
    this.#sweep()
    for (const host of this.#hosts.values()) host.adopt()
    this.#timers = [
      setInterval(() => this.#check(), checkMs).unref(),
      setInterval(() => this.#sweep(), sweepMs).unref(),
    ]
  }

  get network(): DeclaredNetwork {
    return this.#options.network ?? { links: [] }
  }

  async nodes(): Promise<DeclaredNode[]> {
    return this.#options.nodes ?? oneNode
  }

  async nodeStates(): Promise<NodeState[]> {
    return machineNodes(await this.nodes(), {
      isDrained: name => this.#drained.has(name),
      residentBytes: name =>
        [...this.#hosts.values()]
          .filter(({ record }) => record.spec.place === name)
          .reduce((sum, host) => sum + bytesOf(host), 0),
    })
  }

  async drain(name: string, isDrained: boolean): Promise<void> {
    const nodes = await this.nodes()
    if (!nodes.some(node => node.name === name))
      throw new Problem('NoSuchNode', `there is no node ${name}`, {
        disposition: 'stalled',
        hint: `There are ${listed(nodes.map(node => node.name))}.`,
      })
    this.#drained.set(name, isDrained)
    for (const flow of await this.flows()) this.#listener(flow)
  }

  unheeded({ resources }: Pick<Workload, 'resources'>): string[] {
    return Object.keys(resources).length > 0 ? ['resources are not held: no process is limited'] : []
  }

  async flows(): Promise<string[]> {
    return [...new Set([...this.#hosts.values()].map(host => host.flow))]
  }

  async observe(flow: string): Promise<ObservedHost[]> {
    const hosts = [...this.#hosts.values()].filter(host => host.flow === flow)
    const newest = new Map<string, number>()
    for (const { record } of hosts) {
      const { workload, generation } = record.spec
      newest.set(workload.node, Math.max(generation, newest.get(workload.node) ?? 0))
    }
    return hosts.map(host => {
      const { workload, generation } = host.record.spec
      const isNewest = generation === newest.get(workload.node)
      const residentBytes = this.#hasSizes ? bytesOf(host) : 0
      return {
        ...host.observe(),
        ...(residentBytes > 0 && { residentBytes }),
        ...(!isNewest && { workload }),
      }
    })
  }

  onChange(listener: (flow: string) => void): void {
    this.#listener = listener
  }

  async apply(change: HostChange): Promise<void> {
    if (change.action === 'start') {
      const { workload, generation, replica } = change.spec
      if (this.#hosts.has(this.#key(workload.flow, workload.node, generation, replica))) return
      this.#supervise({ v: 1, spec: change.spec, id: '', stopping: false, failures: 0 }).start()
      return
    }
    const host = this.#hosts.get(this.#key(change.flow, change.node, change.generation, change.replica))
    if (change.action === 'stop') host?.stop()
    else host?.kill(change.reason)
  }

  logs(flow: string, node: string | undefined, options: LogOptions): AsyncIterable<LogLine> {
    return followLogs(join(this.#options.state, 'logs', flow), node, options)
  }

  /** Ends every process at once; each is started again. */
  restartAll(reason: string): void {
    for (const host of this.#hosts.values()) host.kill(reason)
  }

  /** Stops every host. Returns once all are gone. */
  async stopAll(): Promise<void> {
    const gone = Promise.withResolvers<void>()
    this.#listener = () => this.#hosts.size === 0 && gone.resolve()
    for (const host of [...this.#hosts.values()]) host.stop()
    if (this.#hosts.size > 0) await gone.promise
  }

  /** Logs of hosts that are gone, and Node's cache of compiled code, which it can make again. */
  async prune(): Promise<void> {
    const { state } = this.#options
    const kept = [...this.#hosts.values()].flatMap(host =>
      ['', '.1'].map(end => this.#logOf(host.record) + end),
    )
    // A broker that has nothing to say for weeks still holds its log open.
    kept.push(join(state, 'logs/broker.log'))
    const limits = { olderThanMs: 7 * 86_400_000, maxBytes: 256 * 1024 * 1024 }
    await pruneFiles(join(state, 'logs'), { ...limits, keep: new Set(kept) })
    await pruneFiles(join(state, 'compile-cache'), limits)
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    for (const host of this.#hosts.values()) host.release()
  }

  #supervise(record: HostRecord): SupervisedHost {
    const host = new SupervisedHost(record, {
      logOf: record => this.#logOf(record),
      launch: record => this.#launch(record),
      save: record => this.#records.save(record),
      ended: host => this.#remove(host),
      changed: flow => this.#listener(flow),
    })
    this.#hosts.set(`${host.flow}/${host.name}`, host)
    return host
  }

  #launch(record: HostRecord) {
    const { flow } = record.spec.workload
    const { waysOf, secrets, state, folderOf, figuresMs } = this.#options
    const { place, workload } = record.spec
    return launch({
      spec: record.spec,
      id: record.id,
      record: this.#records.pathOf(
        flow,
        nameOf(record.spec.workload.node, record.spec.generation, record.spec.replica),
      ),
      log: this.#logOf(record),
      ways: waysOf({ flow, node: workload.node, zone: this.#zoneOf(place) }),
      ...(figuresMs !== undefined && { figuresMs }),
      secrets: secrets(),
      folder: folderOf(flow),
      compileCache: join(state, 'compile-cache'),
    })
  }

  /** Of a node that says none, its name: as placement has it. */
  #zoneOf(place: string) {
    const { nodes = oneNode } = this.#options
    return nodes.find(({ name }) => name === place)?.zone ?? place
  }

  #remove(host: SupervisedHost) {
    this.#hosts.delete(`${host.flow}/${host.name}`)
    this.#records.remove(host.record)
    // The log of what was replaced is still of use; what was replaced before that is not.
    const { workload, generation, replica } = host.record.spec
    const older = {
      ...host.record,
      spec: { ...host.record.spec, generation: generation - 2, replica, workload },
    }
    for (const suffix of ['', '.1']) rmSync(this.#logOf(older) + suffix, { force: true })
    this.#listener(host.flow)
  }

  #check() {
    for (const host of this.#hosts.values()) {
      host.check()
      rotate(this.#logOf(host.record))
    }
  }

  /** Only then does it matter what its hosts take. */
  get #hasSizes() {
    return this.#options.nodes?.some(({ memory }) => memory !== undefined) ?? false
  }

  /** Ends host processes that no record knows; adopts one that was started just before a controller died. */
  #sweep() {
    for (const { pid, record, id } of hostProcesses(this.#records.prefix)) {
      const host = [...this.#hosts.values()].find(
        host => this.#records.pathOf(host.flow, host.name) === record,
      )
      const known = host?.record.process
      if (known?.pid === pid && isAlive(known)) continue
      const identity = identify(pid)
      if (!identity) continue
      if (host && !known && host.record.id === id) host.adopt(identity)
      else signal(identity, 'SIGKILL')
    }
  }

  #key(flow: string, node: string, generation: number, replica: number) {
    return `${flow}/${nameOf(node, generation, replica)}`
  }

  #logOf({ spec: { workload, generation, replica } }: HostRecord) {
    const name = nameOf(workload.node, generation, replica)
    return join(this.#options.state, 'logs', workload.flow, workload.node, `${name}.log`)
  }
}

function bytesOf({ record }: SupervisedHost): number {
  return record.process ? (residentBytes(record.process.pid) ?? 0) : 0
}
