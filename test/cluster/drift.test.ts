import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import type { Deployment } from '../../controller/orchestrator/kubernetes/objects.ts'
import { clusterSuite, eventually } from '../support/cluster-suite.ts'
import { untilHosts } from '../support/cluster-world.ts'

const { Orchestrator, at, start, get, names, writes, pods } = clusterSuite('drift in a cluster')

const drifts: [string, () => Promise<unknown>, () => Promise<boolean>][] = [
  [
    'an image that somebody set',
    () => at.api.kubectl('set', 'image', '-n', at.world.namespace, 'deployment/etl-parse', 'host=other'),
    async () => JSON.stringify(await get(resources.Deployment)).includes('"image":"registry.example/base:1"'),
  ],
  [
    'a number of replicas',
    () => at.api.kubectl('scale', '-n', at.world.namespace, 'deployment/etl-parse', '--replicas=4'),
    async () => (await get<Deployment>(resources.Deployment))!.spec.replicas === 1,
  ],
  [
    'a policy that was deleted',
    () => at.api.kubectl('delete', '-n', at.world.namespace, 'networkpolicy/dyninka-etl'),
    async () => (await names(resources.NetworkPolicy)).length === 1,
  ],
  [
    'code that was deleted',
    () =>
      at.api.kubectl(
        'delete',
        'configmap',
        '-n',
        at.world.namespace,
        '-l',
        'app.kubernetes.io/managed-by=dyninka',
      ),
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
    await at.api.kubectl(
      'scale',
      '-n',
      at.world.namespace,
      'deployment/etl-parse',
      `--replicas=${(n % 3) + 2}`,
    )
    await sleep(20)
  }
  const made = (await writes()).length - before
  assert.ok(made >= 1 && made < 20, `${made} writes`)
})

Orchestrator('leaves alone what others have added', async () => {
  await start()
  const sidecar = { name: 'mesh', image: 'mesh' }
  await at.world.direct.apply(
    resources.Deployment,
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'etl-parse', namespace: at.world.namespace, annotations: { theirs: 'yes' } },
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
  await at.world.direct.create(resources.HorizontalPodAutoscaler, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'theirs', namespace: at.world.namespace },
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
  await at.api.kubectl('scale', '-n', at.world.namespace, 'deployment/etl-parse', '--replicas=3')
  const hosts = await pods(3)
  assert.equal([...new Set(hosts.map(({ replica }) => replica))], [0])
  await start({ fingerprint: 'sha256:two' }, 2)
  await sleep(500)
  assert.is((await get<Deployment>(resources.Deployment))!.spec.replicas, 3)
})

Orchestrator('runs pods of a record that somebody spoiled anew', async () => {
  await start()
  await pods(1)
  await at.api.kubectl(
    'annotate',
    '-n',
    at.world.namespace,
    'deployment/etl-parse',
    '--overwrite',
    'dyninka.dev/workload=x',
  )
  await untilHosts(
    at.orchestrator,
    hosts => hosts.every(({ setting }) => setting === undefined),
    'it to be noticed',
  )
  await start({}, 2)
  await untilHosts(at.orchestrator, hosts => hosts.some(host => host.generation === 2), 'the next generation')
})

Orchestrator.run()
