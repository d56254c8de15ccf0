import { readFile } from 'node:fs/promises'
import { loadAll } from 'js-yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type InstallOptions, manifests } from '../../cli/install/manifests.ts'
import type { KubernetesObject } from '../../controller/kubernetes/resource.ts'
import { chart, helm, images, render, set } from './support/helm.ts'

const Chart = suite('the Helm chart')

Chart('has nothing that lint complains of', async () => {
  assert.match(await helm('lint', '--strict', chart), '0 chart(s) failed')
  assert.match(await helm('lint', '--strict', chart, ...set(images)), '0 chart(s) failed')
})

Chart('is of the version of this project', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  const about = await helm('show', 'chart', chart)
  assert.match(about, new RegExp(`^version: ${version}$`, 'm'))
  assert.match(about, new RegExp(`^appVersion: ${version}$`, 'm'))
})

Chart('says which images it wants', async () => {
  assert.match(await render([]).catch(String), /image is not set: name the image of the controller/)
  const said = await render(['--set', `image=${images.image}`]).catch(String)
  assert.match(said, /functionImage is not set.*dyninka base/)
})

const wrong: [values: Record<string, string>, path: string, why: RegExp][] = [
  [{ replicas: 'two' }, '/replicas', /got string, want integer/],
  [{ replicas: '-1' }, '/replicas', /minimum/],
  [{ leaveTimeout: 'soon' }, '/leaveTimeout', /'soon' does not match/],
  [{ logLevel: 'loud' }, '/logLevel', /'debug', 'info', 'warn', 'error'/],
  [{ serviceAddresses: 'both' }, '/serviceAddresses', /'names', 'ips'/],
  [{ watchNamespace: 'Team_A' }, '/watchNamespace', /'Team_A' does not match/],
  [{ definition: '1' }, '/definition', /want boolean/],
  [{ stateSize: 'big' }, '/stateSize', /'big' does not match/],
  [{ stateClaim: 'Not_a_name' }, '/stateClaim', /'Not_a_name' does not match/],
  [{ stateClaim: 'state' }, 'stateClaim takes replicas: 1', /one pod at a time/],
  [{ 'resources.request.cpu': '1' }, '/resources', /'request' not allowed/],
  [{ 'resources.limits.memory': 'much' }, '/resources/limits/memory', /'much' does not match/],
  [{ 'webhook.secret': 'a' }, '/webhook', /'secret' not allowed/],
  [{ 'imagePullSecrets[0].name': 'a' }, '/imagePullSecrets/0', /got object, want string/],
  [{ 'env[0].name': 'HOME' }, '/env/0/name', /failed/],
  [{ 'affinity.nodes': 'a' }, '/affinity', /'nodes' not allowed/],
  [{ replicaCount: '2' }, "at ''", /'replicaCount' not allowed/],
]
for (const [values, path, why] of wrong) {
  const [given] = set(values).slice(1)
  Chart(`refuses ${given}, and names ${path}`, async () => {
    const said = await render(set({ ...images, ...values })).catch(String)
    assert.match(said, path)
    assert.match(said, why)
  })
}

const installed: InstallOptions = {
  ...images,
  namespace: 'dyninka',
  name: 'dyninka',
  version: '0.1.0',
  replicas: 2,
  leaveTimeout: '2m',
  pinAfter: '5m',
}
const same: [what: string, values: Record<string, string>, options: Partial<InstallOptions>][] = [
  ['the least', {}, {}],
  [
    'everything that both know',
    {
      brokerImage: 'eclipse-mosquitto:2',
      serviceAddresses: 'ips',
      replicas: '1',
      watchNamespace: 'team-a',
      selector: 'shard=a',
      leaveTimeout: '30s',
      pinAfter: '90s',
      'adaptation.lostAfter': '20s',
      'adaptation.healAfter': '1h',
      'imagePullSecrets[0]': 'ours',
      'imagePullSecrets[1]': 'theirs',
      'functionImagePullSecrets[0]': 'beside',
      'webhook.secretName': 'forge',
      stateClaim: 'state',
    },
    {
      brokerImage: 'eclipse-mosquitto:2',
      serviceAddresses: 'ips',
      replicas: 1,
      watchNamespace: 'team-a',
      selector: 'shard=a',
      leaveTimeout: '30s',
      pinAfter: '90s',
      lostAfter: '20s',
      healAfter: '1h',
      imagePullSecrets: ['ours', 'theirs'],
      functionImagePullSecrets: ['beside'],
      webhookSecretName: 'forge',
      stateClaim: 'state',
    },
  ],
]
for (const [what, values, options] of same) {
  Chart(`makes what \`dyninka install\` makes, with ${what}`, async () => {
    const charted = named(loadAll(await render(set({ ...images, ...values }))) as KubernetesObject[])
    const printed = named(await manifests({ ...installed, ...options }))
    // Helm makes the namespace itself, when it is asked to.
    delete printed['Namespace dyninka']
    assert.equal(Object.keys(charted).toSorted(), Object.keys(printed).toSorted())
    for (const [name, object] of Object.entries(printed)) assert.equal(charted[name], object, name)
  })
}

/** By kind, namespace and name, without what says who made them. */
function named(objects: KubernetesObject[]): Record<string, object> {
  const entries = objects.map(object => {
    const { kind, metadata } = object
    const text = JSON.stringify(object, (key, value) => {
      if (key === 'app.kubernetes.io/managed-by' || key === 'helm.sh/resource-policy') return undefined
      return key === 'annotations' && isOnlyOf(value, 'helm.sh/resource-policy') ? undefined : value
    })
    const place = metadata.namespace === undefined ? '' : `${metadata.namespace}/`
    return [`${kind} ${place}${metadata.name}`, JSON.parse(text)] as const
  })
  return Object.fromEntries(entries)
}

const isOnlyOf = (value: object, key: string) => Object.keys(value).join() === key

Chart.run()
