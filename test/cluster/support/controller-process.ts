import { join } from 'node:path'
import { pino } from 'pino'
import { startClusterController } from '../../../controller/cluster/cluster-controller.ts'
import type { OpenOrchestrator } from '../../../controller/cluster/follower-options.ts'
import { kubernetesOrchestrators } from '../../../controller/cluster/kubernetes-orchestrators.ts'
import { KubernetesClient } from '../../../controller/kubernetes/client.ts'
import { LocalOrchestrator } from '../../../controller/orchestrator/local/local-orchestrator.ts'
import type { ProcessOptions } from './replica.ts'

/** A controller of the cluster. Where nothing is said of pods its hosts are processes of this machine, so that no node is
 *  needed. */
const {
  kubeconfig,
  hosts,
  pods,
  nodes,
  ...options
}: ProcessOptions & { state: string; ownNamespace: string } = JSON.parse(process.argv[2]!)
const processes: OpenOrchestrator = async ({ resource, broker, credentials }) =>
  new LocalOrchestrator({
    state: join(hosts, resource.metadata.namespace!, resource.metadata.name),
    waysOf: () => ({ home: broker.url, zones: broker.zones?.urls ?? {} }),
    ...(nodes && { nodes }),
    secrets: () => credentials.secrets,
    folderOf: flow => join(hosts, 'files', flow),
  })
const controller = await startClusterController({
  listen: '127.0.0.1:0',
  ...options,
  client: await KubernetesClient.open({ kubeconfig }),
  openOrchestrator: pods ? kubernetesOrchestrators(pods) : processes,
  logger: pino({ level: process.env.DEBUG ? 'debug' : 'silent' }, process.stderr),
})
process.stdout.write(`${JSON.stringify({ url: controller.url })}\n`)
process.once('SIGTERM', () => void controller.stop().then(() => process.exit(0)))
