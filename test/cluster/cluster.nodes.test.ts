import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, startCluster } from './cluster.ts'
import { busyboxImage, runtimeImage } from './images.ts'
import { restrictedPod } from './pod.ts'
import { run } from './run-program.ts'

const Clusters = suite('cluster')
let cluster: Cluster

Clusters.before(async () => {
  cluster = await startCluster({ nodes: 2, labels: [{ disk: 'fast' }] })
})
Clusters.after(async () => {
  await cluster?.stop()
})

const jsonpath = (path: string, ...args: string[]) =>
  cluster.kubectl('get', ...args, '-o', `jsonpath=${path}`)
const waitFor = (what: string, condition: string, timeout = '60s') =>
  cluster.kubectl('wait', what, `--for=${condition}`, `--timeout=${timeout}`)

Clusters('has nodes that are ready, in zones of their own', async () => {
  const zones = await jsonpath(
    '{range .items[*]}{.metadata.name}={.metadata.labels.topology\\.kubernetes\\.io/zone} {end}',
    'nodes',
  )
  assert.is(zones.trim(), 'node-1=zone-1 node-2=zone-2')
  assert.is(await cluster.kubectl('get', 'nodes', '-l', 'disk=fast', '-o', 'name'), 'node/node-1\n')
})

Clusters('runs the image of functions as a restricted pod', async () => {
  const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strict', labels: enforce } })
  await cluster.kubectl('wait', '-n', 'strict', '--for=create', 'serviceaccount/default', '--timeout=20s')
  const command = ['node', '-e', 'console.log(process.version, process.getuid())']
  const pod = restrictedPod('version', { image: runtimeImage, command, node: 'node-2', namespace: 'strict' })
  await cluster.apply(pod)
  await cluster.kubectl(
    ...['wait', '-n', 'strict', 'pod/version', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s'],
  )
  assert.is(await cluster.kubectl('logs', '-n', 'strict', 'version'), `${process.version} 65532\n`)
})

Clusters('runs what was pushed to its registry', async () => {
  const image = `${cluster.registry}/test/node:1`
  await run(process.execPath, ['cli/main.ts', 'base', '--push', `http://${image}`])
  await cluster.apply(restrictedPod('pulled', { image, command: ['node', '--version'], node: 'node-1' }))
  await waitFor('pod/pulled', 'jsonpath={.status.phase}=Succeeded')
  assert.is(await cluster.kubectl('logs', 'pulled'), `${process.version}\n`)
})

Clusters('leads pods to pods on other nodes, to services and to the broker', async () => {
  const serve = ['sh', '-c', 'cd /tmp && echo "from $NODE" >index.html && httpd -f -p 8080']
  const client = { image: runtimeImage, command: ['node', '-e', 'setInterval(() => {}, 1e6)'] }
  await cluster.apply(
    restrictedPod('server', { image: busyboxImage, command: serve, node: 'node-2', port: 8080 }),
    restrictedPod('client-1', { ...client, node: 'node-1' }),
    restrictedPod('client-2', { ...client, node: 'node-2' }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'server', namespace: 'default' },
      spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 8080 }] },
    },
  )
  await waitFor('pod/server', 'condition=Ready')
  await waitFor('pod/client-1', 'condition=Ready')
  await waitFor('pod/client-2', 'condition=Ready')
  const pod = await jsonpath('{.status.podIP}', 'pod', 'server')
  const service = await jsonpath('{.spec.clusterIP}', 'service', 'server')
  for (const from of ['client-1', 'client-2']) {
    const node = (code: string) => cluster.kubectl('exec', from, '--', 'node', '-e', code)
    const get = (url: string) => node(`fetch('${url}').then(answer => answer.text()).then(console.log)`)
    assert.is(await get(`http://${pod}:8080/`), 'from node-2\n\n')
    for (const name of [service, 'server', 'server.default.svc'])
      assert.is(await eventually(() => get(`http://${name}/`)), 'from node-2\n\n', name)
    const { hostname, port } = new URL(cluster.broker.url)
    assert.is(
      await node(`net.connect(${port}, '${hostname}', () => process.exit(console.log('open')))`),
      'open\n',
    )
  }
  // And this machine, which the API server is on.
  assert.is(await (await fetch(`http://${service}/`)).text(), 'from node-2\n')
})

Clusters('schedules by zone, and moves what a lost node had', async () => {
  const labels = { app: 'mover' }
  const { spec } = restrictedPod('mover', { image: busyboxImage, command: ['sleep', '3600'] })
  const soon = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 2 })
  const zone = (value: string) => ({
    weight: 100,
    preference: {
      matchExpressions: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: [value] }],
    },
  })
  await cluster.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'mover', namespace: 'default' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...spec,
          tolerations: [soon('node.kubernetes.io/unreachable'), soon('node.kubernetes.io/not-ready')],
          affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [zone('zone-2')] } },
        },
      },
    },
  })
  await waitFor('deployment/mover', 'condition=Available')
  const where = () =>
    jsonpath('{.items[?(@.status.phase=="Running")].spec.nodeName}', 'pods', '-l', 'app=mover')
  assert.is(await where(), 'node-2')
  await cluster.nodes[1]!.powerOff()
  await waitFor('node/node-2', 'condition=Ready=Unknown')
  await eventually(async () => assert.match(await where(), 'node-1'))
  await cluster.nodes[1]!.powerOn()
  await waitFor('node/node-2', 'condition=Ready')
})

Clusters('can stop the kubelet of a node, and cut its link', async () => {
  const node = cluster.nodes[0]!
  await node.stopKubelet()
  await waitFor('node/node-1', 'condition=Ready=Unknown')
  await node.startKubelet()
  await waitFor('node/node-1', 'condition=Ready')
  await node.unplug()
  await waitFor('node/node-1', 'condition=Ready=Unknown')
  await node.plug()
  await waitFor('node/node-1', 'condition=Ready')
})

/** What a proxy learns a moment later than the API server. */
async function eventually<Result>(act: () => Promise<Result>, timeoutMs = 30_000): Promise<Result> {
  for (const end = Date.now() + timeoutMs; ; await new Promise(resolve => setTimeout(resolve, 200)))
    try {
      return await act()
    } catch (error) {
      if (Date.now() > end) throw error
    }
}

Clusters.run()
