import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type KubernetesObject, type Resource, resources } from '../../controller/kubernetes/resource.ts'
import type { KubernetesOrchestrator } from '../../controller/orchestrator/kubernetes/kubernetes-orchestrator.ts'
import type { Deployment } from '../../controller/orchestrator/kubernetes/objects.ts'
import type { HostSpec, Workload } from '../../controller/orchestrator/orchestrator.ts'
import type { Problem } from '../../schema/problem.ts'
import { AuditLog, ClusterWorld, untilHosts } from '../support/cluster-world.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const Orchestrator = suite('orchestrator kubernetes')
let api: ApiServer
let audit: AuditLog
let folder: string
let world: ClusterWorld
let orchestrator: KubernetesOrchestrator

Orchestrator.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dyninka-audit-'))
  audit = new AuditLog(folder)
  api = await startApiServer({ controllers: true, args: audit.args })
})
Orchestrator.before.each(async () => {
  world = await ClusterWorld.make(api)
  orchestrator = await world.open(api)
})
Orchestrator.after.each(() => world.close())
Orchestrator.after(async () => {
  await api?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const spec = (workload: Workload, generation = 1, replica = 0): HostSpec => ({
  workload,
  generation,
  replica,
  place: '',
})
const start = (more: Partial<Workload> = {}, generation = 1) =>
  orchestrator.apply({ action: 'start', spec: spec(world.workload(more), generation) })
const stop = (generation: number, replica = 0, node = 'parse') =>
  orchestrator.apply({ action: 'stop', flow: 'etl', node, generation, replica, reason: 'a test' })
const get = <T extends KubernetesObject>(resource: Resource, name = 'etl-parse') =>
  world.direct.get<T>(resource, { name, namespace: world.namespace })
const names = async (resource: Resource) =>
  (await world.direct.list(resource, { namespace: world.namespace })).items
    .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'dyninka')
    .map(({ metadata }) => metadata.name)
const writes = () => audit.writes(world.namespace)
const isPod = (id: string) => !id.endsWith('-to-come')
const pods = (count: number) =>
  untilHosts(orchestrator, hosts => hosts.filter(({ id }) => isPod(id)).length === count, `${count} pods`)
async function eventually(what: string, holds: () => Promise<boolean>) {
  for (const end = performance.now() + 15_000; !(await holds()); await sleep(50))
    if (performance.now() > end) throw new Error(`waited for ${what}`)
}
async function failure(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise
  } catch (error) {
    return error as Problem
  }
  throw new Error('it went well')
}

Orchestrator('runs a function as pods, and knows them at once', async () => {
  await start({ replicas: 2 })
  const early = await orchestrator.observe('etl')
  assert.equal(
    early.map(({ replica, generation }) => [generation, replica]),
    [
      [1, 0],
      [1, 1],
    ],
  )
  const hosts = await pods(2)
  assert.equal(hosts.map(({ replica }) => replica).toSorted(), [0, 1])
  assert.equal(await orchestrator.flows(), ['etl'])
  assert.equal((await names(resources.ConfigMap)).length, 2)
})

Orchestrator('passes what the strictest policy for pods asks for', async () => {
  await world.direct.merge(
    resources.Namespace,
    { name: world.namespace },
    {
      metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
  )
  await start()
  await pods(1)
})

Orchestrator('writes each object once, and nothing when nothing has changed', async () => {
  await start()
  assert.equal(
    (await writes()).map(line => line.split('/')[0]),
    [
      'patch configmaps',
      'patch configmaps',
      'patch serviceaccounts',
      'patch networkpolicies',
      'patch deployments',
    ],
  )
  await pods(1)
  await start()
  const next = await world.open(api)
  await sleep(500)
  assert.equal((await writes()).slice(5), [])
  assert.equal(
    (await next.observe('etl')).map(({ id }) => id),
    (await orchestrator.observe('etl')).map(({ id }) => id),
  )
})

Orchestrator('lets new pods take over before the old ones go', async () => {
  await start()
  const [old] = await pods(1)
  await world.report(old!.id)
  await start({ fingerprint: 'sha256:two' }, 2)
  const hosts = await pods(2)
  const next = hosts.find(({ generation }) => generation === 2)!
  await stop(1)
  await sleep(300)
  assert.equal(
    (await orchestrator.observe('etl')).map(({ id, phase }) => [id, phase]).toSorted(),
    [
      [old!.id, 'stopping'],
      [next.id, 'running'],
    ].toSorted(),
    'the old one works until the new one has taken over',
  )
  await world.report(next.id)
  const [left] = await pods(1)
  assert.is(left!.id, next.id)
})

Orchestrator('keeps what works while what is new fails, and goes back to earlier code', async () => {
  await start()
  const [old] = await pods(1)
  await world.report(old!.id)
  await start({ fingerprint: 'sha256:bad' }, 2)
  const bad = (await pods(2)).find(({ generation }) => generation === 2)!
  await world.report(bad.id, {
    ready: false,
    containerStatuses: [
      {
        name: 'host',
        ready: false,
        restartCount: 2,
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: {
          terminated: {
            exitCode: 1,
            message: '{"level":50,"msg":"the function could not start","error":"no database"}',
            startedAt: '2026-01-01T00:00:00Z',
            finishedAt: '2026-01-01T00:00:01Z',
          },
        },
        image: '',
        imageID: '',
      } as never,
    ],
  })
  const [failing] = (
    await untilHosts(orchestrator, all => all.some(host => host.failures === 2), 'failures')
  ).filter(({ generation }) => generation === 2)
  assert.equal(failing!.lastExit!.log, ['error: the function could not start: no database'])
  await start({}, 3)
  const hosts = await untilHosts(
    orchestrator,
    all =>
      !all.some(({ id }) => id === bad.id) && all.some(({ id, generation }) => generation === 3 && isPod(id)),
    'the third in place of the second',
  )
  assert.ok(hosts.some(({ id }) => id === old!.id))
})

const drifts: [string, () => Promise<unknown>, () => Promise<boolean>][] = [
  [
    'an image that somebody set',
    () => api.kubectl('set', 'image', '-n', world.namespace, 'deployment/etl-parse', 'host=other'),
    async () => JSON.stringify(await get(resources.Deployment)).includes('"image":"registry.example/base:1"'),
  ],
  [
    'a number of replicas',
    () => api.kubectl('scale', '-n', world.namespace, 'deployment/etl-parse', '--replicas=4'),
    async () => (await get<Deployment>(resources.Deployment))!.spec.replicas === 1,
  ],
  [
    'a policy that was deleted',
    () => api.kubectl('delete', '-n', world.namespace, 'networkpolicy/dyninka-etl'),
    async () => (await names(resources.NetworkPolicy)).length === 1,
  ],
  [
    'code that was deleted',
    () =>
      api.kubectl('delete', 'configmap', '-n', world.namespace, '-l', 'app.kubernetes.io/managed-by=dyninka'),
    async () => (await names(resources.ConfigMap)).length === 2,
  ],
]
for (const [what, harm, isMended] of drifts) {
  Orchestrator(`puts right ${what}`, async () => {
    await start()
    assert.ok(await isMended())
    await harm()
    await eventually('it to be put right', isMended)
  })
}

Orchestrator('answers who undoes it again and again ever more slowly', async () => {
  await start()
  const before = (await writes()).length
  for (let n = 0; n < 40; n++) {
    await api.kubectl('scale', '-n', world.namespace, 'deployment/etl-parse', `--replicas=${(n % 3) + 2}`)
    await sleep(20)
  }
  const made = (await writes()).length - before
  assert.ok(made >= 1 && made < 20, `${made} writes`)
})

Orchestrator('leaves alone what others have added', async () => {
  await start()
  const sidecar = { name: 'mesh', image: 'mesh' }
  await world.direct.apply(
    resources.Deployment,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'etl-parse', namespace: world.namespace, annotations: { theirs: 'yes' } },
      spec: { template: { spec: { containers: [sidecar] } } },
    } as KubernetesObject,
    { manager: 'injector' },
  )
  await start({ fingerprint: 'sha256:two' }, 2)
  const text = JSON.stringify(await get(resources.Deployment))
  assert.match(text, '"name":"mesh"')
  assert.match(text, '"theirs":"yes"')
  assert.match(text, 'sha256:two')
})

Orchestrator("leaves an autoscaler's number alone", async () => {
  await start()
  await world.direct.create(resources.HorizontalPodAutoscaler, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'theirs', namespace: world.namespace },
    spec: {
      minReplicas: 3,
      maxReplicas: 5,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'etl-parse' },
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } },
        },
      ],
    },
  } as KubernetesObject)
  await sleep(200)
  await api.kubectl('scale', '-n', world.namespace, 'deployment/etl-parse', '--replicas=3')
  const hosts = await pods(3)
  assert.equal([...new Set(hosts.map(({ replica }) => replica))], [0])
  await start({ fingerprint: 'sha256:two' }, 2)
  await sleep(500)
  assert.is((await get<Deployment>(resources.Deployment))!.spec.replicas, 3)
})

Orchestrator('runs more and fewer, and guards several against being drained at once', async () => {
  await start({ replicas: 1 })
  await start({ replicas: 3 })
  await pods(3)
  assert.equal(await names(resources.PodDisruptionBudget), ['etl-parse'])
  await stop(1, 1)
  await stop(1, 2)
  await pods(1)
  await eventually('the budget to go', async () => (await names(resources.PodDisruptionBudget)).length === 0)
})

Orchestrator('removes a function with all that was its own, and nothing else', async () => {
  await start({ node: 'door', kind: 'source', outside: { listens: 8080 } })
  await start()
  const foreign = {
    name: 'etl-door-notes',
    namespace: world.namespace,
    labels: { 'dyninka.dev/function': 'door' },
  }
  await world.direct.create(resources.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: foreign })
  await stop(1, 0, 'door')
  await untilHosts(orchestrator, hosts => hosts.every(({ node }) => node === 'parse'), 'the door to be gone')
  assert.equal(await names(resources.Deployment), ['etl-parse'])
  assert.equal(await names(resources.Service), [])
  assert.equal(await names(resources.NetworkPolicy), ['dyninka-etl'])
  assert.ok(await get(resources.ConfigMap, 'etl-door-notes'))
  await stop(1)
  await untilHosts(orchestrator, hosts => hosts.length === 0, 'all to be gone')
  await orchestrator.prune()
  assert.equal(await names(resources.NetworkPolicy), [])
  assert.equal(await names(resources.ServiceAccount), [])
  assert.equal(await orchestrator.flows(), [])
})

Orchestrator('takes no object over that is not its own', async () => {
  const labels = { app: 'theirs' }
  await world.direct.apply(
    resources.Deployment,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'etl-parse', namespace: world.namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
      },
    } as KubernetesObject,
    { manager: 'somebody' },
  )
  const error = await failure(start())
  assert.is(error.reason, 'NameTaken')
  assert.match(JSON.stringify(await get(resources.Deployment)), '"image":"web"')
})

Orchestrator('works beside another dataflow of the same namespace', async () => {
  const other = await world.open(api, { dataflow: 'other' })
  await start()
  await other.apply({ action: 'start', spec: spec(world.workload({ flow: 'other' })) })
  await sleep(200)
  assert.equal(await orchestrator.flows(), ['etl'])
  assert.equal(await other.flows(), ['other'])
  await other.apply({ action: 'stop', flow: 'other', node: 'parse', generation: 1, replica: 0, reason: '' })
  await other.prune()
  assert.equal(await names(resources.Deployment), ['etl-parse'])
})

Orchestrator('makes another pod of one that went silent', async () => {
  await start()
  const [first] = await pods(1)
  await world.report(first!.id)
  await orchestrator.apply({
    action: 'restart',
    flow: 'etl',
    node: 'parse',
    generation: 1,
    replica: 0,
    reason: 'it went silent',
  })
  await untilHosts(
    orchestrator,
    hosts => hosts.some(({ id, phase }) => isPod(id) && id !== first!.id && phase === 'running'),
    'another pod',
  )
})

Orchestrator('says that a quota refuses pods, and goes on when it does not', async () => {
  await api.kubectl('create', 'quota', 'none', '-n', world.namespace, '--hard=pods=0')
  await start()
  const [host] = await untilHosts(orchestrator, hosts => hosts[0]?.obstacle !== undefined, 'an obstacle')
  assert.match(host!.obstacle!, /exceeded quota: none/)
  await api.kubectl('delete', 'quota', 'none', '-n', world.namespace)
  await pods(1)
})

Orchestrator('says what an admission policy refuses, and writes no more than it may', async () => {
  const kind = { apiVersion: 'admissionregistration.k8s.io/v1' }
  const name = `no-parse-${world.namespace}`
  await api.apply(
    {
      ...kind,
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['apps'],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['deployments'],
            },
          ],
        },
        validations: [
          { expression: `object.metadata.namespace != '${world.namespace}'`, message: 'not on Fridays' },
        ],
      },
    },
    {
      ...kind,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  )
  let error: Problem | undefined
  await eventually('the policy to be in force', async () => {
    error = await start().then(
      () => undefined,
      problem => problem as Problem,
    )
    if (!error) await stop(1)
    return error !== undefined
  })
  assert.match(error!.message, /cannot apply deployments\/etl-parse.*not on Fridays/)
  await api.kubectl('delete', 'validatingadmissionpolicybinding', name)
  await eventually('it to be allowed', () =>
    start().then(
      () => true,
      () => false,
    ),
  )
})

Orchestrator('says that a webhook cannot be asked', async () => {
  const name = `down-${world.namespace}`
  await api.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'down.example.com',
        clientConfig: { url: 'https://127.0.0.1:1/no' },
        rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['deployments'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': world.namespace } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  })
  let error: Problem | undefined
  await eventually('the webhook to be in force', async () => {
    error = await start().then(
      () => undefined,
      problem => problem as Problem,
    )
    if (!error) await stop(1)
    return error !== undefined
  })
  assert.match(error!.message, 'down.example.com')
  await api.kubectl('delete', 'validatingwebhookconfiguration', name)
})

Orchestrator('says that its namespace is being deleted', async () => {
  const held = { name: 'held', namespace: world.namespace, finalizers: ['example.com/held'] }
  await world.direct.create(resources.ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: held })
  await world.direct.delete(resources.Namespace, { name: world.namespace })
  const error = await failure(start())
  assert.is(error.reason, 'NamespaceTerminating')
  assert.ok(error.hint)
  await world.direct.merge(resources.ConfigMap, held, { metadata: { finalizers: null } })
})

Orchestrator('says that code is too large for a cluster without a registry', async () => {
  const { randomBytes } = await import('node:crypto')
  const { writeFileSync } = await import('node:fs')
  const made = world.workload()
  writeFileSync(join(made.code!, 'function.mjs'), randomBytes(1_000_000).toString('base64'))
  const error = await failure(orchestrator.apply({ action: 'start', spec: spec(made) }))
  assert.is(error.reason, 'RegistryNeeded')
  assert.is(error.disposition, 'stalled')
  writeFileSync(join(made.code!, 'function.mjs'), '// much\n'.repeat(200_000))
  await orchestrator.apply({ action: 'start', spec: spec(made) })
  assert.equal((await names(resources.ConfigMap)).length, 2)
})

Orchestrator('sees nodes with their zones', async () => {
  const name = `node-${world.namespace}`
  await world.direct.create(resources.Node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': 'lyon', 'kubernetes.io/arch': 'arm64' } },
  })
  await eventually('the node', async () => (await orchestrator.nodes()).some(node => node.name === name))
  const node = (await orchestrator.nodes()).find(node => node.name === name)!
  assert.is(node.zone, 'lyon')
  assert.is(node.arch, 'arm64')
  await world.direct.delete(resources.Node, { name })
})

Orchestrator('runs pods of a record that somebody spoiled anew', async () => {
  await start()
  await pods(1)
  await api.kubectl(
    'annotate',
    '-n',
    world.namespace,
    'deployment/etl-parse',
    '--overwrite',
    'dyninka.dev/workload=x',
  )
  await untilHosts(
    orchestrator,
    hosts => hosts.every(({ setting }) => setting === undefined),
    'it to be noticed',
  )
  await start({}, 2)
  await untilHosts(orchestrator, hosts => hosts.some(host => host.generation === 2), 'the next generation')
})

Orchestrator.run()
