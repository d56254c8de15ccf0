import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { resources } from '../../controller/kubernetes/resource.ts'
import { clusterSuite, eventually, isPod, spec } from '../support/cluster-suite.ts'
import { untilHosts } from '../support/cluster-world.ts'

const { Orchestrator, at, start, stop, get, names, writes, pods } = clusterSuite('orchestrator kubernetes')

Orchestrator('runs a function as pods, and knows them at once', async () => {
  await start({ replicas: 2 })
  const early = await at.orchestrator.observe('etl')
  assert.equal(
    early.map(({ replica, generation }) => [generation, replica]),
    [
      [1, 0],
      [1, 1],
    ],
  )
  const hosts = await pods(2)
  assert.equal(hosts.map(({ replica }) => replica).toSorted(), [0, 1])
  assert.equal(await at.orchestrator.flows(), ['etl'])
  assert.equal((await names(resources.ConfigMap)).length, 2)
})

Orchestrator('passes what the strictest policy for pods asks for', async () => {
  await at.world.direct.merge(
    resources.Namespace,
    { name: at.world.namespace },
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
  const next = await at.world.open({ kubeconfig: at.api.kubeconfig })
  await sleep(500)
  assert.equal((await writes()).slice(5), [])
  assert.equal(
    (await next.observe('etl')).map(({ id }) => id),
    (await at.orchestrator.observe('etl')).map(({ id }) => id),
  )
})

Orchestrator('lets new pods take over before the old ones go', async () => {
  await start()
  const [old] = await pods(1)
  await at.world.report(old!.id)
  await start({ fingerprint: 'sha256:two' }, 2)
  const hosts = await pods(2)
  const next = hosts.find(({ generation }) => generation === 2)!
  await stop(1)
  await sleep(300)
  assert.equal(
    (await at.orchestrator.observe('etl')).map(({ id, phase }) => [id, phase]).toSorted(),
    [
      [old!.id, 'stopping'],
      [next.id, 'running'],
    ].toSorted(),
    'the old one works until the new one has taken over',
  )
  await at.world.report(next.id)
  const [left] = await pods(1)
  assert.is(left!.id, next.id)
})

Orchestrator('keeps what works while what is new fails, and goes back to earlier code', async () => {
  await start()
  const [old] = await pods(1)
  await at.world.report(old!.id)
  await start({ fingerprint: 'sha256:bad' }, 2)
  const bad = (await pods(2)).find(({ generation }) => generation === 2)!
  await at.world.report(bad.id, {
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
    await untilHosts(at.orchestrator, all => all.some(host => host.failures === 2), 'failures')
  ).filter(({ generation }) => generation === 2)
  assert.equal(failing!.lastExit!.log, ['error: the function could not start: no database'])
  await start({}, 3)
  const hosts = await untilHosts(
    at.orchestrator,
    all =>
      !all.some(({ id }) => id === bad.id) && all.some(({ id, generation }) => generation === 3 && isPod(id)),
    'the third in place of the second',
  )
  assert.ok(hosts.some(({ id }) => id === old!.id))
})

Orchestrator('goes back to the very pods that work when what is newer is given up', async () => {
  await start({ replicas: 2 })
  const old = await pods(2)
  for (const { id } of old) await at.world.report(id)
  await start({ fingerprint: 'sha256:bad', replicas: 2 }, 2)
  await pods(4)
  const known = (await at.orchestrator.observe('etl')).filter(({ generation }) => generation === 1)
  assert.equal(
    known.map(({ workload }) => workload?.fingerprint),
    ['sha256:one', 'sha256:one'],
  )
  const next = await at.world.open({ kubeconfig: at.api.kubeconfig }) // another controller goes on
  const stopping = { flow: 'etl', node: 'parse', generation: 2, reason: 'a test', keep: 1 }
  for (const replica of [0, 1]) await next.apply({ action: 'stop', ...stopping, replica })
  const left = await untilHosts(
    at.orchestrator,
    hosts => hosts.every(({ generation }) => generation === 1) && hosts.length === 2,
    'the newer ones to be gone',
  )
  assert.equal(left.map(({ id }) => id).toSorted(), old.map(({ id }) => id).toSorted())
  await start({ fingerprint: 'sha256:mended', replicas: 2 }, 2)
  await pods(4)
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
    namespace: at.world.namespace,
    labels: { 'dyninka.dev/function': 'door' },
  }
  await at.world.direct.create(resources.ConfigMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: foreign,
  })
  await stop(1, 0, 'door')
  await untilHosts(
    at.orchestrator,
    hosts => hosts.every(({ node }) => node === 'parse'),
    'the door to be gone',
  )
  assert.equal(await names(resources.Deployment), ['etl-parse'])
  assert.equal(await names(resources.Service), [])
  assert.equal(await names(resources.NetworkPolicy), ['dyninka-etl'])
  assert.ok(await get(resources.ConfigMap, 'etl-door-notes'))
  await stop(1)
  await untilHosts(at.orchestrator, hosts => hosts.length === 0, 'all to be gone')
  await at.orchestrator.prune()
  assert.equal(await names(resources.NetworkPolicy), [])
  assert.equal(await names(resources.ServiceAccount), [])
  await eventually('the last pod to go', async () => (await at.orchestrator.flows()).length === 0)
  const code = async () => (await names(resources.ConfigMap)).filter(name => name.startsWith('dyninka-'))
  await at.orchestrator.prune()
  assert.is((await code()).length, 2, 'it may be about to run')
  await at.orchestrator.prune(true)
  assert.equal(await code(), [])
})

Orchestrator('works beside another dataflow of the same namespace', async () => {
  const other = await at.world.open({ kubeconfig: at.api.kubeconfig }, { dataflow: 'other' })
  await start()
  await other.apply({ action: 'start', spec: spec(at.world.workload({ flow: 'other' })) })
  await sleep(200)
  assert.equal(await at.orchestrator.flows(), ['etl'])
  assert.equal(await other.flows(), ['other'])
  await other.apply({ action: 'stop', flow: 'other', node: 'parse', generation: 1, replica: 0, reason: '' })
  await other.prune()
  assert.equal(await names(resources.Deployment), ['etl-parse'])
})

Orchestrator('makes another pod of one that went silent', async () => {
  await start()
  const [first] = await pods(1)
  await at.world.report(first!.id)
  await at.orchestrator.apply({
    action: 'restart',
    flow: 'etl',
    node: 'parse',
    generation: 1,
    replica: 0,
    reason: 'it went silent',
  })
  await untilHosts(
    at.orchestrator,
    hosts => hosts.some(({ id, phase }) => isPod(id) && id !== first!.id && phase === 'running'),
    'another pod',
  )
})

Orchestrator('sees nodes with their zones', async () => {
  const name = `node-${at.world.namespace}`
  await at.world.direct.create(resources.Node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': 'lyon', 'kubernetes.io/arch': 'arm64' } },
  })
  await eventually('the node', async () => (await at.orchestrator.nodes()).some(node => node.name === name))
  const node = (await at.orchestrator.nodes()).find(node => node.name === name)!
  assert.is(node.zone, 'lyon')
  assert.is(node.arch, 'arm64')
  await at.world.direct.delete(resources.Node, { name })
})

Orchestrator.run()
