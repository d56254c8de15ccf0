import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { manifests } from '../../cli/install/manifests.ts'
import {
  type ClusterController,
  startClusterController,
} from '../../controller/cluster/cluster-controller.ts'
import { kubernetesOrchestrators } from '../../controller/cluster/kubernetes-orchestrators.ts'
import { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { until } from '../support/controlled.ts'
import { Stage } from './support/stage.ts'

const Permissions = suite('permissions of the controller')
const user = 'system:serviceaccount:dyninka:dyninka'

let folder = ''
let stage: Stage
let kubeconfig = ''
const controllers: ClusterController[] = []

/** What the API server writes down of each request of the controller. */
interface Audited {
  verb: string
  objectRef?: { apiGroup?: string; resource: string; subresource?: string; namespace?: string }
  responseStatus?: { code: number; message?: string }
}

const auditLog = () => join(folder, 'audit.log')

async function audited(): Promise<Audited[]> {
  // What comes after the last end of a line is being written.
  const lines = (await readFile(auditLog(), 'utf8')).split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Audited)
}

Permissions.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dyninka-audit-'))
  const policy = join(folder, 'policy.yaml')
  const rules = [{ level: 'Metadata', users: [user], omitStages: ['RequestReceived'] }, { level: 'None' }]
  await writeFile(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }))
  stage = await Stage.open({ args: [`--audit-policy-file=${policy}`, `--audit-log-path=${auditLog()}`] })
  // All that an installation brings but its pods, which have no node here.
  const all = await manifests({
    image: 'controller',
    functionImage: 'node',
    namespace: 'dyninka',
    name: 'dyninka',
    version: '0.0.0',
    replicas: 0,
    leaveTimeout: '1m',
    pinAfter: '5m',
  })
  await stage.api.apply(...all)
  kubeconfig = await stage.api.kubeconfigOf(user, [
    'system:serviceaccounts',
    'system:serviceaccounts:dyninka',
    'system:authenticated',
  ])
})
Permissions.after(async () => {
  await Promise.all(controllers.map(controller => controller.stop()))
  await stage?.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<ClusterController> {
  const client = await KubernetesClient.open({ kubeconfig })
  const controller = await startClusterController({
    client,
    openOrchestrator: kubernetesOrchestrators({ image: 'node' }),
    managedBroker: { image: 'mosquitto' },
    ownNamespace: 'dyninka',
    state: await mkdtemp(join(folder, 'state-')),
    listen: '127.0.0.1:0',
    leaveMs: 5_000,
    logger: pino({ level: 'silent' }),
  })
  controllers.push(controller)
  return controller
}

const all = `apiVersion: dyninka.dev/v1
name: all
sources:
  in: { http: { port: 8080 } }
functions:
  first:
    code: first.ts
    from: in
    key: room
    scale: { min: 2, max: 2 }
    secrets: [WORD]
sinks:
  out: { from: first, log: {} }
`

interface Deployment extends KubernetesObject {
  spec: { template: { metadata: object; spec: { containers: object[] } } }
}

Permissions('are enough for all that it does', async () => {
  const first = 'export default function f(reading: { room: string }) { return { n: 1 } }\n'
  await stage.repository.publish({ 'dataflow.yaml': all, 'first.ts': first }, stage.url)
  await stage.api.kubectl('create', 'secret', 'generic', 'words', '--from-literal=WORD=a')
  const controller = await start()
  await stage.apply('all', { secretRef: { name: 'words' } })
  const place = { namespace: 'default' }
  await until(
    'it made all of it',
    async () => {
      const kinds = ['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'] as const
      const counts = await Promise.all(
        kinds.map(async kind => (await stage.client.list(resources[kind], place)).items.length),
      )
      return counts[0] === 3 && counts.every(count => count > 0)
    },
    () => '',
    60_000,
  )
  await podOf('first')
  const isSeen = async () => (await observed(controller)).includes('pod-of-first')
  await until('it is seen', isSeen, undefined, 60_000)
  await fetch(`${controller.url}/api/logs?flow=all&function=first`).then(response => response.text())

  // A revision that is refused twice is told twice; by the second, an event that is there is counted up.
  const bad = all.replace('key: room', 'kee: room')
  await stage.repository.publish({ 'dataflow.yaml': bad }, stage.url)
  await stage.until('all', 'Stalled', 'True InvalidRevision')

  await stage.api.kubectl('delete', 'dataflow/all', '--timeout=120s')
  const isEmpty = async () => (await stage.client.list(resources.Deployment, place)).items.length === 0
  await until('nothing is left', isEmpty, undefined, 60_000)

  // Its broker has no node to run on, and so it never starts.
  await stage.apply('managed', { broker: { managed: {} } })
  await stage.until('managed', 'Reconciling', 'True BrokerStarting')
  await stage.api.kubectl('delete', 'dataflow/managed', '--timeout=120s')
  const denied = (await audited()).filter(({ responseStatus }) => responseStatus?.code === 403)
  assert.equal(
    denied.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}/${objectRef?.subresource ?? ''}`),
    [],
  )
})

/** A pod of a Deployment, which no controller of this cluster makes: as it would be on a node. */
async function podOf(node: string): Promise<void> {
  const { items } = await stage.client.list<Deployment>(resources.Deployment, { namespace: 'default' })
  const { template } = items.find(({ metadata }) => metadata.name.includes(node))!.spec
  await stage.api.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name: `pod-of-${node}`, namespace: 'default' },
    spec: { ...template.spec, serviceAccountName: undefined },
  })
}

async function observed({ url }: ClusterController): Promise<string> {
  return (await fetch(`${url}/api/observed?flow=all`)).text()
}

/** What no test without nodes, or shorter than ten minutes, brings about. */
const elsewhere = new Map([
  ['delete pods', 'a host that went silent'],
  ['patch events.k8s.io/events', 'a failure that comes again'],
  ['list metrics.k8s.io/nodes', 'telemetry, with nodes: metrics.nodes.test.ts'],
  ['patch persistentvolumeclaims', 'a volume that grows: managed-broker.test.ts'],
])

Permissions('are all used', async () => {
  const used = new Set<string>()
  for (const { verb, objectRef, responseStatus } of await audited()) {
    if (!objectRef) continue
    const { apiGroup, resource, subresource } = objectRef
    const what = `${apiGroup ? `${apiGroup}/` : ''}${resource}${subresource ? `/${subresource}` : ''}`
    used.add(`${verb} ${what}`)
    // Server-side apply of what is not there asks for both.
    if (verb === 'patch' && responseStatus?.code === 201) used.add(`create ${what}`)
  }
  const file = new URL('../../charts/dyninka/files/permissions.yaml', import.meta.url)
  const permissions = load(await readFile(file, 'utf8')) as Record<
    string,
    { apiGroups: string[]; resources: string[]; verbs: string[] }[]
  >
  const held = Object.values(permissions)
    .flat()
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap(group =>
        resources.flatMap(resource =>
          verbs.map(verb => `${verb} ${group === '' ? '' : `${group}/`}${resource}`),
        ),
      ),
    )
  const unused = [...new Set(held)].filter(each => !used.has(each) && !elsewhere.has(each))
  assert.equal(unused, [])
})

const lacking: [verb: string, group: string, resource: string, subresource?: string][] = [
  ['list', '', 'secrets'],
  ['watch', '', 'secrets'],
  ['update', '', 'secrets'],
  ['create', '', 'pods'],
  ['create', '', 'pods', 'exec'],
  ['update', 'dyninka.dev', 'dataflows'],
  ['delete', 'dyninka.dev', 'dataflows'],
  ['patch', '', 'nodes'],
  ['get', '', 'nodes', 'proxy'],
  ['list', 'metrics.k8s.io', 'pods'],
  ['create', 'rbac.authorization.k8s.io', 'rolebindings'],
  ['impersonate', '', 'serviceaccounts'],
  ['create', '', 'serviceaccounts', 'token'],
  ['get', 'coordination.k8s.io', 'leases'],
]
interface Review extends KubernetesObject {
  status: { allowed: boolean }
}

Permissions('allow nothing else', async () => {
  const client = await KubernetesClient.open({ kubeconfig })
  const isAllowed = async (verb: string, group: string, resource: string, subresource?: string) => {
    const resourceAttributes = { namespace: 'default', verb, group, resource, subresource }
    const { status } = await client.raw<Review>({
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      },
      what: 'review an access',
    })
    return status.allowed
  }
  assert.ok(await isAllowed('get', '', 'secrets'))
  for (const access of lacking) assert.not(await isAllowed(...access), access.join(' '))
  const denied = await stage.api.kubectl('--kubeconfig', kubeconfig, 'get', 'secrets').catch(String)
  assert.match(denied, /cannot list resource "secrets"/)
})

Permissions.run()
