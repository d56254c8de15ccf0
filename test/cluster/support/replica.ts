import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ClusterControllerOptions } from '../../../controller/cluster/cluster-controller.ts'
import type { PodOptions } from '../../../controller/cluster/kubernetes-orchestrators.ts'
import type { DeclaredNode } from '../../../controller/orchestrator/orchestrator.ts'

const program = fileURLToPath(new URL('./controller-process.ts', import.meta.url))

export type ProcessOptions = Partial<
  Pick<
    ClusterControllerOptions,
    | 'namespace'
    | 'selector'
    | 'leaseName'
    | 'leaseMs'
    | 'leaveMs'
    | 'silentMs'
    | 'pinAfterMs'
    | 'adapting'
    | 'ownNamespace'
    | 'managedBroker'
    | 'service'
    | 'listen'
  >
> & {
  kubeconfig: string
  /** Folder of what hosts leave on disk: it stands for the cluster's nodes. */
  hosts: string
  /** Without pods: virtual nodes of this machine. */
  nodes?: DeclaredNode[]
  /** Hosts are pods of nodes that there are, and not processes of this machine. */
  pods?: PodOptions
}

/** One replica of the controller, in a process of its own and with an empty disk, so that it can be killed. */
export class Replica {
  readonly url: string
  readonly #child: ChildProcess
  readonly #state: string

  static async start(options: ProcessOptions): Promise<Replica> {
    const state = await mkdtemp(join(tmpdir(), 'dyninka-replica-'))
    const given = JSON.stringify({ ownNamespace: 'default', ...options, state })
    const child = spawn(process.execPath, [program, given], { stdio: ['ignore', 'pipe', 'inherit'] })
    const started = Promise.withResolvers<string>()
    child.once('exit', code => started.reject(new Error(`the controller ended with code ${code}`)))
    createInterface(child.stdout!).on('line', line => started.resolve(JSON.parse(line).url))
    return new Replica(child, state, await started.promise)
  }

  private constructor(child: ChildProcess, state: string, url: string) {
    this.#child = child
    this.#state = state
    this.url = url
  }

  async get<T>(path: string): Promise<T> {
    return (await fetch(this.url + path)).json() as Promise<T>
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** With -9. Its disk goes with it. */
  kill = () => this.#end('SIGKILL')
  /** As a pod is asked to. */
  stop = () => this.#end('SIGTERM')

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exit = once(this.#child, 'exit')
      this.#child.kill('SIGCONT')
      this.#child.kill(signal)
      await exit
    }
    await rm(this.#state, { recursive: true, force: true, maxRetries: 5 })
  }
}
