import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import type { KubernetesObject, Resource } from '../../controller/kubernetes/resource.ts'
import type { KubernetesOrchestrator } from '../../controller/orchestrator/kubernetes/kubernetes-orchestrator.ts'
import type { HostSpec, Workload } from '../../controller/orchestrator/orchestrator.ts'
import type { Problem } from '../../schema/problem.ts'
import { type ApiServer, startApiServer } from '../cluster/api-server.ts'
import { type ApiProxy, apiProxy } from './api-proxy.ts'
import { AuditLog, ClusterWorld, untilHosts } from './cluster-world.ts'

/** A suite with an API server and its controllers, and with a namespace and an orchestrator of its own for each test. */
export function clusterSuite(name: string) {
  const at = {} as {
    api: ApiServer
    /** Between the orchestrator and the API server. */
    proxy: ApiProxy
    world: ClusterWorld
    orchestrator: KubernetesOrchestrator
  }
  const Orchestrator = suite(name)
  let audit: AuditLog
  let folder: string
  Orchestrator.before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dyninka-audit-'))
    audit = new AuditLog(folder)
    at.api = await startApiServer({ controllers: true, args: audit.args })
    at.proxy = await apiProxy(at.api.kubeconfig, folder)
  })
  Orchestrator.before.each(async () => {
    at.world = await ClusterWorld.make({ kubeconfig: at.api.kubeconfig })
    at.orchestrator = await at.world.open({ kubeconfig: at.proxy.kubeconfig }, { silentMs: 5_000 })
  })
  Orchestrator.after.each(async () => {
    at.proxy.thaw()
    await at.world.close()
  })
  Orchestrator.after(async () => {
    await at.proxy?.close()
    await at.api?.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const get = <T extends KubernetesObject>(resource: Resource, name = 'etl-parse') =>
    at.world.direct.get<T>(resource, { name, namespace: at.world.namespace })
  const names = async (resource: Resource) =>
    (await at.world.direct.list(resource, { namespace: at.world.namespace })).items
      .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'dyninka')
      .map(({ metadata }) => metadata.name)
  return {
    Orchestrator,
    at,
    start: (more: Partial<Workload> = {}, generation = 1) =>
      at.orchestrator.apply({ action: 'start', spec: spec(at.world.workload(more), generation) }),
    stop: (generation: number, replica = 0, node = 'parse') =>
      at.orchestrator.apply({ action: 'stop', flow: 'etl', node, generation, replica, reason: 'a test' }),
    get,
    /** Of what is ours. */
    names,
    /** What was asked of the server that may change something. */
    writes: () => audit.writes(at.world.namespace),
    pods: (count: number) =>
      untilHosts(
        at.orchestrator,
        hosts => hosts.filter(({ id }) => isPod(id)).length === count,
        `${count} pods`,
      ),
  }
}

export const spec = (workload: Workload, generation = 1, replica = 0): HostSpec => ({
  workload,
  generation,
  replica,
  place: '',
})

/** And not one that the cluster has yet to make. */
export const isPod = (id: string) => !id.endsWith('-to-come')

export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`waited for ${what}`)
}

export async function failure(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise
  } catch (error) {
    return error as Problem
  }
  throw new Error('it went well')
}
