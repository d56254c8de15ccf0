import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startClusterController } from '../../controller/cluster/cluster-controller.ts'
import { kubernetesOrchestrators } from '../../controller/cluster/kubernetes-orchestrators.ts'
import { KubernetesClient } from '../../controller/kubernetes/client.ts'
import type { KubernetesObject } from '../../controller/kubernetes/resource.ts'
import { until } from '../support/controlled.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { chart, helm, images, render, set } from './support/helm.ts'
import { commandsOf, type } from './support/manual.ts'

const Release = suite('a release of the Helm chart')

let folder = ''
let api: ApiServer

Release.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dyninka-helm-'))
  api = await startApiServer({ controllers: true })
})
Release.after(async () => {
  await api?.stop()
  await rm(folder, { recursive: true, force: true })
})

const unusual = `
brokerImage: registry.example.org:5000/a/b@sha256:${'0'.repeat(64)}
serviceAddresses: ips
imagePullSecrets: [one, two.three]
functionImagePullSecrets: [four, five]
replicas: 10
watchNamespace: team-a
selector: "shard in (a, b),!hidden,tier!=x"
leaveTimeout: 90s
logLevel: debug
webhook: { secretName: forge }
resources: { requests: { cpu: 2, memory: 1.5Gi }, limits: { memory: 2Gi, ephemeral-storage: 8Gi } }
stateSize: 1.5Gi
nodeSelector: { disk: ssd, "example.org/pool": "7" }
tolerations: [{ key: dedicated, operator: Equal, value: dyninka, effect: NoSchedule }]
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{ matchExpressions: [{ key: arch, operator: In, values: [arm64] }] }]
podAnnotations: { prometheus.io/scrape: "false", note: "a: b # c" }
env:
  - { name: HTTPS_PROXY, value: "http://proxy:3128 # none" }
  - { name: GIT_SSL_CAINFO, valueFrom: { configMapKeyRef: { name: ca, key: file } } }
`

Release('makes what an API server takes, whatever its values, in a restricted namespace', async () => {
  const namespace = 'strict'
  for (const name of [namespace, 'team-a']) await api.kubectl('create', 'namespace', name)
  const levels = ['enforce', 'warn'].map(mode => `pod-security.kubernetes.io/${mode}=restricted`)
  await api.kubectl('label', 'namespace', namespace, ...levels)
  const file = join(folder, 'unusual.yaml')
  await writeFile(file, unusual)
  const variants = [
    await render(set(images), { namespace }),
    await render(['-f', file, ...set(images)], { release: 'a'.repeat(53), namespace }),
  ]
  for (const [i, text] of variants.entries()) {
    const made = join(folder, `made-${i}.yaml`)
    await writeFile(made, text)
    const flags = ['--server-side', '--dry-run=server', '--validate=strict']
    const said = await type(api.kubeconfig, `kubectl apply ${flags.join(' ')} -f ${made}`)
    assert.match(said, 'deployment.apps/')
    assert.not.match(said, /warning|violate/i)
  }
  const [deployment] = (loadAll(variants[1]!) as Deployment[]).filter(object => object?.kind === 'Deployment')
  const { metadata, spec } = deployment!.spec.template
  assert.equal(metadata.annotations, {
    'prometheus.io/scrape': 'false',
    'prometheus.io/port': '4780',
    note: 'a: b # c',
  })
  const { args } = spec.containers[0]!
  assert.ok(args.includes('--selector=shard in (a, b),!hidden,tier!=x'))
  assert.ok(args.includes('--image-pull-secret=four') && args.includes('--image-pull-secret=five'))
  assert.is(spec.containers[0]!.env.at(-2)?.value, 'http://proxy:3128 # none')
})

interface Deployment extends KubernetesObject {
  spec: {
    replicas: number
    template: {
      metadata: { annotations: Record<string, string> }
      spec: { containers: { image: string; args: string[]; env: { name: string; value?: string }[] }[] }
    }
  }
}

Release('brings what a controller asks for that finds no definition', async () => {
  const lines: string[] = []
  const controller = await startClusterController({
    client: await KubernetesClient.open({ kubeconfig: api.kubeconfig }),
    openOrchestrator: kubernetesOrchestrators({ image: 'node' }),
    ownNamespace: 'default',
    state: join(folder, 'state'),
    listen: '127.0.0.1:0',
    logger: pino({ level: 'warn' }, { write: line => void lines.push(line) }),
  })
  const said = () => lines.find(line => line.includes('"DefinitionMissing"'))
  await until(
    'it says so',
    () => said() !== undefined,
    () => lines.join(''),
    60_000,
  )
  assert.match(said()!, /this cluster has no definition of Dataflow.*`helm upgrade`/)
  assert.is((await fetch(`${controller.url}/readyz`)).status, 503)
  await controller.stop()
})

/** Commands of the operations page, but those that wait for pods: there are no nodes here. */
async function manual(heading: string): Promise<string[]> {
  const blocks = await commandsOf('docs/operations.md', heading, {
    'image=IMAGE': `image=${images.image}`,
    '--image IMAGE': `--image ${images.image}`,
    NODE: images.functionImage,
  })
  return blocks.map(block => block.replace(/^.*rollout status.*\n/m, ''))
}

const dataflow = async () => {
  const text = await api.kubectl('get', 'dataflow', 'my-flow', '-o', 'json')
  const { metadata, spec } = JSON.parse(text)
  return { uid: metadata.uid as string, spec }
}
const isThere = (...what: string[]) =>
  api.kubectl('get', ...what, '-o', 'name').then(
    text => text !== '',
    () => false,
  )
const isDefinedWith = async (field: string) =>
  (await api.kubectl('get', 'crd', 'dataflows.dyninka.dev', '-o', 'json')).includes(`"${field}"`)

let kept: Awaited<ReturnType<typeof dataflow>>

Release('is installed as the operations page says, and its notes are right as they are', async () => {
  const [byHelm] = await manual('### Install')
  const notes = await type(api.kubeconfig, byHelm!)
  assert.match(notes, 'kubectl -n dyninka rollout status deployment/dyninka')
  await api.kubectl('wait', '--for=condition=Established', 'crd/dataflows.dyninka.dev')
  const [run] = /^kubectl apply -f - <<'EOF'\n.*?^EOF$/ms.exec(notes)!
  await type(api.kubeconfig, run)
  kept = await dataflow()
  assert.ok('managed' in kept.spec.broker)
  const list = /^kubectl get dataflows.*$/m.exec(notes)![0]
  assert.match(await type(api.kubeconfig, list), /my-flow/)
})

Release('is upgraded with the definition, which Helm leaves alone in crds/', async () => {
  // The next version has one more field.
  const next = join(folder, 'next')
  await cp(chart, join(next, 'charts/dyninka'), { recursive: true })
  const file = join(next, 'charts/dyninka/files/dataflows.yaml')
  const definition = await readFile(file, 'utf8')
  const before = '\n                suspend:'
  await writeFile(file, definition.replace(before, `\n                colour: { type: string }${before}`))
  const [upgrade] = await manual('### Upgrade')
  await type(api.kubeconfig, `${upgrade!.trim()} --set replicas=3`, next)
  assert.ok(await isDefinedWith('colour'))
  const text = await api.kubectl('-n', 'dyninka', 'get', 'deployment', 'dyninka', '-o', 'json')
  const { spec } = JSON.parse(text) as Deployment
  assert.is(spec.replicas, 3)
  assert.ok(spec.template.spec.containers[0]!.args.includes('--broker-image=eclipse-mosquitto:2'))
  assert.is((await dataflow()).uid, kept.uid)
})

Release(
  'leaves Dataflows alone when it is uninstalled, and finds them when it is installed again',
  async () => {
    const [backup] = await manual('### Backup')
    await type(api.kubeconfig, backup!, folder)
    const uninstall = (await manual('### Removal'))[0]!.split('\n').find(line => line.startsWith('helm'))!
    assert.match(await type(api.kubeconfig, uninstall), 'dataflows.dyninka.dev') // which it keeps
    assert.is((await dataflow()).uid, kept.uid)
    assert.not(await isThere('deployment', '-n', 'dyninka'))
    assert.not(await isThere('clusterroles,clusterrolebindings', '-l', 'app.kubernetes.io/name=dyninka'))
    const [byHelm] = await manual('### Install')
    await type(api.kubeconfig, byHelm!)
    assert.is((await dataflow()).uid, kept.uid)
    assert.not(await isDefinedWith('colour'))
  },
)

Release('shares a cluster with another release, where one brings the definition', async () => {
  const other = ['install', 'other', chart, '-n', 'other', '--create-namespace', ...set(images)]
  const flags = ['--kubeconfig', api.kubeconfig, '--set', 'selector=shard=b']
  assert.match(await helm(...other, ...flags).catch(String), /dataflows.dyninka.dev.*ownership/)
  await helm(...other, ...flags, '--set', 'definition=false')
  await helm('uninstall', 'other', '-n', 'other', '--kubeconfig', api.kubeconfig)
  assert.is((await dataflow()).uid, kept.uid)
  assert.ok(await isThere('clusterrole', 'dyninka-dyninka-dataflows'))
})

Release('is removed, and what was saved restored, as the operations page says', async () => {
  const [removal] = await manual('### Removal')
  await type(api.kubeconfig, removal!)
  assert.not(await isThere('crd', 'dataflows.dyninka.dev'))
  assert.not(await isThere('namespace', 'dyninka'))

  const [, without] = await manual('### Install')
  await type(api.kubeconfig, without!)
  const [, restore] = await manual('### Backup')
  await type(api.kubeconfig, restore!, folder)
  assert.equal((await dataflow()).spec, kept.spec)
})

Release('takes over what `dyninka install` has made', async () => {
  const { uid } = await dataflow()
  const [, takeOver] = await manual('### Upgrade')
  await type(api.kubeconfig, takeOver!)
  const list = await helm('list', '-n', 'dyninka', '--kubeconfig', api.kubeconfig)
  assert.match(list, /dyninka\s.*deployed/)
  assert.is((await dataflow()).uid, uid)
})

Release.run()
