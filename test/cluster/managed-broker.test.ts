import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ClusterController,
  startClusterController,
} from '../../controller/cluster/cluster-controller.ts'
import { kubernetesOrchestrators } from '../../controller/cluster/kubernetes-orchestrators.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { until } from '../support/controlled.ts'
import { files, Stage } from './support/stage.ts'

const Managed = suite('a managed broker')
let stage: Stage
let folder = ''
let controller: ClusterController | undefined

interface Claim extends KubernetesObject {
  spec: { resources: { requests: { storage: string } } }
  status: { phase: string }
}
interface StatefulSet extends KubernetesObject {
  spec: { volumeClaimTemplates: [Pick<Claim, 'spec'>] }
}

Managed.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dyninka-managed-'))
  stage = await Stage.open({ controllers: true })
  await stage.repository.publish(files('etl'), stage.url)
  for (const name of ['growing', 'fixed']) {
    await stage.api.apply({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      provisioner: 'kubernetes.io/no-provisioner',
      allowVolumeExpansion: name === 'growing',
    })
    await stage.api.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `volume-${name}` },
      spec: {
        storageClassName: name,
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        hostPath: { path: `/var/lib/${name}` },
      },
    })
  }
  controller = await startClusterController({
    client: stage.client,
    openOrchestrator: kubernetesOrchestrators({ image: 'node' }),
    managedBroker: { image: 'mosquitto' },
    ownNamespace: 'default',
    state: folder,
    listen: '127.0.0.1:0',
    logger: pino({ level: 'silent' }),
  })
})
Managed.after(async () => {
  await controller?.stop()
  await stage?.close()
  await rm(folder, { recursive: true, force: true })
})

const apply = (name: string, storage: string, storageClassName = name) =>
  stage.apply(name, { broker: { managed: { storage, storageClassName } } })
const claim = (name: string) =>
  stage.client.get<Claim>(resources.PersistentVolumeClaim, {
    name: `data-dyninka-${name}-broker-0`,
    namespace: 'default',
  })
const set = (name: string) =>
  stage.client.get<StatefulSet>(resources.StatefulSet, {
    name: `dyninka-${name}-broker`,
    namespace: 'default',
  })
const sizeOf = ({ spec }: Pick<Claim, 'spec'>) => spec.resources.requests.storage

/** No node is here to run it, but it has its volume. */
async function bound(name: string): Promise<Claim> {
  await apply(name, '1Gi')
  let last: Claim | undefined
  await until(
    'it has a volume',
    async () => {
      last = await claim(name)
      return last?.status.phase === 'Bound'
    },
    () => JSON.stringify(last),
    60_000,
  )
  return last!
}

Managed('gets more room without losing what it has', async () => {
  const before = await bound('growing')
  await apply('growing', '3Gi')
  await until(
    'the set says so',
    async () => sizeOf((await set('growing'))?.spec.volumeClaimTemplates[0] ?? before) === '3Gi',
    undefined,
    60_000,
  )
  const after = await claim('growing')
  assert.is(sizeOf(after!), '3Gi')
  assert.is(after!.metadata.uid, before.metadata.uid)
  await stage.until('growing', 'Reconciling', 'True BrokerStarting')
})

const node = (ready: 'True' | 'Unknown') =>
  stage.client.merge(
    resources.Node,
    { name: 'away' },
    { status: { conditions: [{ type: 'Ready', status: ready }] } },
    { subresource: 'status' },
  )

Managed('says that its node does not answer, and what to do', async () => {
  await stage.api.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'away' } })
  await node('Unknown')
  const binding = join(folder, 'binding.json')
  const target = { apiVersion: 'v1', kind: 'Node', name: 'away' }
  const pod = 'dyninka-growing-broker-0'
  await writeFile(
    binding,
    JSON.stringify({ apiVersion: 'v1', kind: 'Binding', metadata: { name: pod }, target }),
  )
  await stage.api.kubectl('wait', '--for=create', `pod/${pod}`, '--timeout=60s')
  await stage.api.kubectl('create', '--raw', `/api/v1/namespaces/default/pods/${pod}/binding`, '-f', binding)
  await stage.until('growing', 'Reconciling', 'True BrokerNodeLost', 90_000)
  const message = await stage.message('growing', 'Reconciling')
  assert.match(message, /dyninka-growing-broker-0 is on away, which does not answer/)
  assert.match(message, /kubectl taint nodes away node.kubernetes.io\/out-of-service=nodeshutdown:NoExecute/)
  await node('True')
  await stage.until('growing', 'Reconciling', 'True BrokerStarting', 90_000)
})

Managed('says that its volume can not grow, and goes on when the size is taken back', async () => {
  const before = await bound('fixed')
  await apply('fixed', '3Gi')
  await stage.until('fixed', 'Reconciling', 'True StorageFixed')
  assert.match(await stage.message('fixed', 'Reconciling'), /storage.* only where its StorageClass allows/)
  assert.is(sizeOf((await claim('fixed'))!), '1Gi')
  assert.is(sizeOf((await set('fixed'))!.spec.volumeClaimTemplates[0]), '1Gi')
  await apply('fixed', '1Gi')
  await stage.until('fixed', 'Reconciling', 'True BrokerStarting')
  assert.is((await claim('fixed'))!.metadata.uid, before.metadata.uid)
})

Managed('keeps to the class of its volume', async () => {
  assert.match(await apply('fixed', '1Gi', 'growing').then(String, String), /storageClassName never changes/)
})

Managed.run()
