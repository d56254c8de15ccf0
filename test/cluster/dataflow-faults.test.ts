import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
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
import { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { type ApiProxy, apiProxy, type Fault } from '../support/api-proxy.ts'
import { until } from '../support/controlled.ts'
import { hasRegistry, startRegistry } from '../support/registry.ts'
import { refusingWebhook } from './support/refusing-webhook.ts'
import { code, files, Stage } from './support/stage.ts'

/** What is between a controller that runs pods and what it needs: each fault is told, and passes. There is no node, so that
 *  nothing ever gets ready. */
const Faults = suite('a controller whose cluster fails it')
let stage: Stage
let folder = ''
let proxy: ApiProxy
let controller: ClusterController
let clients: KubernetesClient[] = []

Faults.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dyninka-faults-'))
  stage = await Stage.open({ controllers: true })
  await stage.repository.publish(files('way'), stage.url)
  proxy = await apiProxy(stage.api.kubeconfig, folder)
  const client = await KubernetesClient.open({ kubeconfig: proxy.kubeconfig })
  clients = [client, stage.client]
  controller = await startClusterController({
    client,
    openOrchestrator: kubernetesOrchestrators({ image: 'node' }),
    ownNamespace: 'default',
    state: join(folder, 'state'),
    listen: '127.0.0.1:0',
    logger: pino({ level: process.env.DYNINKA_TEST_LOG ?? 'silent' }, process.stderr),
  })
})
Faults.after(async () => {
  await controller?.stop()
  await proxy?.close()
  await stage?.close()
  for (const client of clients) client.close()
  await rm(folder, { recursive: true, force: true })
})

const place = { namespace: 'default' }
const within = (what: string, holds: () => Promise<boolean>, detail?: () => string) =>
  until(what, holds, detail, 90_000)

/** By name: how often what it says was changed, counting from 1. */
async function deployments(): Promise<Record<string, number>> {
  const { items } = await stage.client.list<KubernetesObject>(resources.Deployment, place)
  return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.generation ?? 0]))
}

/** All is there, and each was written once. */
async function applied(
  name: string,
  expected: Record<string, number> = { 'way-first': 1, 'way-out': 1, 'way-tick': 1 },
) {
  let now: unknown
  const isSame = async () => {
    now = await deployments()
    return JSON.stringify(now) === JSON.stringify(expected)
  }
  await within('all is applied', isSame, () => JSON.stringify(now))
  await stage.until(name, 'Reconciling', 'True Progressing', 90_000)
}

const told = async (name: string) =>
  (await stage.events(name)).filter(({ type }) => type === 'Warning').map(({ reason }) => reason)

async function gone(name: string) {
  await stage.remove(name)
  await within('nothing is left', async () => Object.keys(await deployments()).length === 0)
}

const status = (reason: string, code: number, message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason,
  code,
  message,
})

Faults('tells a quota that refuses a Deployment, and goes on when it does not', async () => {
  await stage.api.kubectl('create', 'quota', 'none', '--hard=count/deployments.apps=0')
  await stage.apply('quota')
  await stage.until('quota', 'Reconciling', 'True Forbidden', 90_000)
  assert.match(await stage.message('quota', 'Ready'), /quota: none.*raise the quota/)
  assert.match(await stage.message('quota', 'Reconciling'), /cannot apply deployments\/way-out/)
  await stage.api.kubectl('delete', 'quota', 'none')
  await applied('quota')
  await gone('quota')
})

Faults('tells a quota that refuses pods, of each function', async () => {
  await stage.api.kubectl('create', 'quota', 'none', '--hard=pods=0')
  await stage.apply('pods')
  const messages = async () =>
    ((await stage.get('pods'))?.status?.functions ?? []).map(({ message }) => message ?? '')
  await within('each says so', async () => {
    const all = await messages()
    return all.length === 3 && all.every(message => /its pod is refused: .*quota: none/.test(message))
  })
  assert.match(await stage.message('pods', 'Ready'), 'its pod is refused')
  await stage.api.kubectl('delete', 'quota', 'none')
  await within('none says so', async () => !(await messages()).some(message => message.includes('quota')))
  await applied('pods')
  await gone('pods')
})

Faults('tells an admission webhook that refuses, or that can not be asked', async () => {
  const webhook = await refusingWebhook(folder, 'not on Fridays')
  const configuration = (clientConfig: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'strict' },
    webhooks: [
      {
        name: 'strict.example.com',
        clientConfig,
        rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['deployments'] }],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  await stage.api.apply(configuration(webhook.clientConfig))
  // It is in force a moment after it is there.
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'asked', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'asked' } },
      template: {
        metadata: { labels: { app: 'asked' } },
        spec: { containers: [{ name: 'a', image: 'a' }] },
      },
    },
  }
  const isRefused = () =>
    stage.client.apply(resources.Deployment, object, { dryRun: true }).then(
      () => false,
      () => true,
    )
  await within('it is asked', isRefused)
  await stage.apply('refused')
  await stage.until('refused', 'Reconciling', 'True Forbidden', 90_000)
  assert.match(await stage.message('refused', 'Reconciling'), /strict.example.com.*not on Fridays/)

  await stage.api.apply(configuration({ ...webhook.clientConfig, url: 'https://127.0.0.1:1/' }))
  await stage.until('refused', 'Reconciling', 'True ApiServerError', 90_000)
  assert.match(await stage.message('refused', 'Ready'), /strict.example.com.*an admission webhook/)
  await stage.api.kubectl('delete', 'validatingwebhookconfiguration', 'strict')
  await applied('refused')
  await gone('refused')
  await webhook.close()
})

const passing: [what: string, reason: string, fault: Omit<Fault, 'on'>][] = [
  [
    'has too much to do',
    'TooManyRequests',
    {
      times: 6,
      status: 429,
      headers: { 'retry-after': '0' },
      body: status('TooManyRequests', 429, 'slow down'),
    },
  ],
  ['fails', 'ApiServerError', { status: 500, body: status('InternalError', 500, 'etcdserver: no leader') }],
  [
    'takes its credentials for wrong',
    'Unauthorized',
    { status: 401, body: status('Unauthorized', 401, 'no') },
  ],
]
for (const [what, reason, fault] of passing) {
  Faults(`goes on by itself after an API server that ${what}, and applies nothing twice`, async () => {
    // More than a request is tried within a pass.
    proxy.fail({ times: 3, ...fault, on: /PATCH .*deployments/ })
    const name = reason.toLowerCase()
    await stage.apply(name)
    await applied(name)
    await within('it is told', async () => (await told(name)).includes(reason))
    await gone(name)
  })
}

Faults('loses nothing of what it must not lose when writes conflict, fail, or are not answered', async () => {
  const on = /PUT .*configmaps\/kept-inventory/
  proxy.fail({ on, status: 409, body: status('Conflict', 409, 'the object has been modified') })
  proxy.fail({ on, cut: true })
  proxy.fail({ on, status: 500, body: status('InternalError', 500, 'no'), times: 2 })
  proxy.fail({
    on: /PATCH .*dataflows\/kept\/status/,
    status: 409,
    body: status('Conflict', 409, 'the object has been modified'),
    times: 2,
  })
  proxy.fail({ on: /PATCH .*deployments/, cut: true, times: 2 })
  await stage.apply('kept')
  await applied('kept')
  const sessions = async () => (await stage.get('kept'))?.status?.inventory?.sessions
  await within('the inventory is there', async () => (await sessions()) === 3)
})

Faults('misses nothing when watches end, as too old or otherwise', async () => {
  const expired = { type: 'ERROR', object: status('Expired', 410, 'too old resource version') }
  const failed = { type: 'ERROR', object: status('InternalError', 500, 'etcdserver: no leader') }
  for (const event of [expired, failed, expired]) {
    proxy.inject(/./, event)
    await stage.api.kubectl('scale', 'deployment/way-out', '--replicas=3')
    await within('it is put right', async () => {
      const { spec } = (await stage.client.get<KubernetesObject & { spec: { replicas: number } }>(
        resources.Deployment,
        { name: 'way-out', ...place },
      ))!
      return spec.replicas === 1
    })
  }
  const before = await deployments()
  const commit = await stage.repository.publish({ 'first.ts': code(2) }, stage.url)
  await applied('kept', { ...before, 'way-first': before['way-first']! + 1 })
  const says = async () => (await stage.get('kept'))!.status!.revision!.includes(commit)
  await within('its status says so', says) // which is written once all is applied
  await gone('kept')
})

Faults('tells a registry that is away or refuses it, and does without when it is taken away', async () => {
  const image = async (host: string) => {
    const registry = { image: `${host}/team`, base: `${host}/node:24`, insecure: true }
    await stage.apply('images', { registry })
  }
  await image('127.0.0.1:1')
  await stage.until('images', 'Reconciling', 'True RegistryUnreachable', 90_000)
  assert.match(await stage.message('images', 'Ready'), '127.0.0.1:1')
  if (hasRegistry()) {
    const registry = await startRegistry({ users: { ada: 'right' } })
    await image(registry.host)
    await stage.until('images', 'Reconciling', 'True RegistryUnauthorized', 90_000)
    assert.match(await stage.message('images', 'Ready'), 'a pull secret')
    await registry.close()
  }
  await stage.apply('images')
  await applied('images')
  await gone('images')
})

Faults('does not wait for a registry that says nothing when it is taken away', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`
  const asked = once(silent, 'connection')
  await stage.apply('silent', {
    registry: { image: `${host}/team`, base: `${host}/node:24`, insecure: true },
  })
  const [socket] = await asked
  await stage.apply('silent')
  await applied('silent')
  await gone('silent')
  socket.destroy()
  silent.close()
})

Faults('lets a namespace go that is deleted with all that runs there', async () => {
  await stage.api.kubectl('create', 'namespace', 'short')
  await stage.apply('way', {}, { namespace: 'short' })
  await within('it runs', async () => {
    const { items } = await stage.client.list(resources.Deployment, { namespace: 'short' })
    return items.length === 3
  })
  await stage.api.kubectl('delete', 'namespace', 'short', '--timeout=150s')
})

Faults.run()
