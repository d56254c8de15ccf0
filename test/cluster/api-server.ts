import { randomInt } from 'node:crypto'
import { startControlPlane } from './control-plane.ts'
import { Ledger, sweep } from './ledger.ts'
import { progress } from './progress.ts'
import { tool } from './tools.ts'

export interface ApiServerOptions {
  /** Also the controllers: they make service accounts, collect garbage, end namespaces, and make pods of Deployments. */
  controllers?: boolean
  /** Also the scheduler. */
  scheduler?: boolean
  /** More arguments of kube-apiserver. */
  args?: string[]
  /** More arguments of kube-controller-manager. */
  controllerArgs?: string[]
}

export interface ApiServer {
  /** Path of a kubeconfig that may do everything. */
  readonly kubeconfig: string
  readonly url: string
  /** Where a test may put files of its own: it goes with the server. */
  readonly folder: string
  /** @returns what kubectl printed. @throws when it did not end with 0 */
  kubectl(...args: string[]): Promise<string>
  /** What `kubectl apply -f -` does. */
  apply(...objects: object[]): Promise<void>
  /** A kubeconfig of somebody else. @param groups as `system:masters` */
  kubeconfigOf(user: string, groups?: string[]): Promise<string>
  /** It answers nothing, and keeps its connections, until `thaw`. */
  freeze(): void
  thaw(): void
  /** With -9; what it had is in etcd. */
  kill(): Promise<void>
  /** After `kill`, or with other arguments. @param args more arguments of kube-apiserver, in place of the first ones */
  restart(args?: string[]): Promise<void>
  stop(): Promise<void>
}

/** etcd and an API server on an address of their own in 127.0.0.0/8, with no node. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  await sweep()
  await tool('kube-apiserver')
  const ledger = new Ledger()
  const done = progress('starting an API server')
  try {
    // Its own, so that the usual ports are free there however many run.
    const address = `127.${randomInt(64, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
    const { api } = await startControlPlane(ledger, { address, services: '10.96.0.0/16', ...options })
    return { ...api, stop: () => ledger.close() }
  } catch (error) {
    await ledger.close()
    throw error
  } finally {
    done()
  }
}
