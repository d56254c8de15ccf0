import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ApiProblem, isConflict, isNotFound } from '../../controller/kubernetes/api-problem.ts'
import { KubernetesClient } from '../../controller/kubernetes/client.ts'
import type { Informer } from '../../controller/kubernetes/informer.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { type ApiProxy, apiProxy } from '../support/api-proxy.ts'
import { until } from '../support/rig.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const Client = suite('Kubernetes client')
let api: ApiServer
let proxy: ApiProxy
let client: KubernetesClient
/** Past the proxy. */
let direct: KubernetesClient
const informers: Informer<KubernetesObject>[] = []

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>
}
const { ConfigMap } = resources
const configMap = (name: string, data: Record<string, string> = {}, labels = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels },
  data,
})
const named = (name: string) => ({ name, namespace: 'default' })
async function failure(promise: Promise<unknown>): Promise<ApiProblem> {
  try {
    await promise
  } catch (error) {
    return error as ApiProblem
  }
  throw new Error('it went well')
}

Client.before(async () => {
  api = await startApiServer()
  proxy = await apiProxy(api.kubeconfig, api.folder)
  client = await KubernetesClient.open({ kubeconfig: proxy.kubeconfig })
  direct = await KubernetesClient.open({ kubeconfig: api.kubeconfig })
})
Client.after.each(async () => {
  proxy.thaw()
  await Promise.all(informers.splice(0).map(informer => informer.close()))
})
Client.after(async () => {
  client?.close()
  direct?.close()
  await proxy?.close()
  await api?.stop()
})

Client('applies the fields that are ours, and leaves those of others', async () => {
  await direct.apply(ConfigMap, configMap('shared', { theirs: '1' }), { manager: 'somebody' })
  await client.apply(ConfigMap, configMap('shared', { ours: '1', also: '2' }))
  await client.apply(ConfigMap, configMap('shared', { ours: '2' }))
  const { data } = (await client.get<ConfigMap>(ConfigMap, named('shared')))!
  assert.equal(data, { ours: '2', theirs: '1' })
})

Client('takes over no field of others unless it is told to', async () => {
  await direct.apply(ConfigMap, configMap('contested', { key: 'theirs' }), { manager: 'somebody' })
  const error = await failure(
    client.apply(ConfigMap, configMap('contested', { key: 'ours' }), { force: false }),
  )
  assert.ok(isConflict(error))
  assert.match(error.message, /somebody/)
})

Client('says what is wrong with an object, field by field', async () => {
  const object = { ...configMap('Bad_Name'), dat: {} } as ConfigMap
  const error = await failure(client.create(ConfigMap, object))
  assert.is(error.reason, 'Invalid')
  assert.is(error.causes[0]!.field, 'metadata.name')
})

Client('tells what is not there from what cannot be had', async () => {
  assert.is(await client.get(ConfigMap, named('nothing')), undefined)
  assert.is(await client.delete(ConfigMap, named('nothing')), false)
  const stranger = await KubernetesClient.open({ kubeconfig: await api.kubeconfigOf('stranger') })
  const error = await failure(stranger.get(ConfigMap, named('nothing')))
  stranger.close()
  assert.is(error.reason, 'Forbidden')
  assert.not.ok(isNotFound(error))
})

Client('deletes the object that is meant, and no other of its name', async () => {
  const first = await client.create(ConfigMap, configMap('twice'))
  await client.delete(ConfigMap, named('twice'))
  await client.create(ConfigMap, configMap('twice'))
  const error = await failure(client.delete(ConfigMap, { ...named('twice'), uid: first.metadata.uid! }))
  assert.is(error.status, 409)
  assert.ok(await client.get(ConfigMap, named('twice')))
})

Client('replaces only the version that it has read', async () => {
  const first = await client.create<ConfigMap>(ConfigMap, configMap('versions', { n: '1' }))
  await client.replace(ConfigMap, { ...first, data: { n: '2' } })
  const error = await failure(client.replace(ConfigMap, { ...first, data: { n: '3' } }))
  assert.ok(isConflict(error))
})

Client('asks again when the server is too busy, and when a connection ends', async () => {
  const body = { kind: 'Status', reason: 'TooManyRequests', message: 'busy', code: 429 }
  proxy.fail({ on: /PATCH .*busy/, status: 429, body, headers: { 'retry-after': '0' } })
  proxy.fail({ on: /PATCH .*busy/, cut: true })
  await client.apply(ConfigMap, configMap('busy', { n: '1' }))
  assert.is((await client.get<ConfigMap>(ConfigMap, named('busy')))!.data!.n, '1')
  assert.is(proxy.requests.filter(line => /PATCH .*busy/.test(line)).length, 3)
})

Client('gives a server up that errs or does not answer, and says so', async () => {
  proxy.fail({ on: /GET .*broken/, status: 500, body: { message: 'etcd is gone' } })
  const error = await failure(client.get(ConfigMap, named('broken')))
  assert.is(error.status, 500)
  assert.match(error.message, 'etcd is gone')
  const stopped = new AbortController()
  proxy.fail({ on: /GET .*silent/, silent: true })
  const asked = failure(client.get(ConfigMap, { ...named('silent'), signal: stopped.signal }))
  stopped.abort(new Error('enough'))
  assert.is((await asked).message, 'enough')
})

Client('reads collections of more than a page', async () => {
  const labels = { many: 'yes' }
  const names = Array.from({ length: 1_100 }, (_, n) => `many-${n}`)
  for (let n = 0; n < names.length; n += 50)
    await Promise.all(
      names.slice(n, n + 50).map(name => direct.create(ConfigMap, configMap(name, {}, labels))),
    )
  const { items } = await client.list(ConfigMap, { namespace: 'default', labelSelector: 'many=yes' })
  assert.is(items.length, 1_100)
  assert.is(items[0]!.kind, 'ConfigMap')
})

/** Of the objects that carry this label, with all that it told. */
async function watching(label: string, options: { silentMs?: number } = {}) {
  const told: string[] = []
  const errors: ApiProblem[] = []
  const informer = client.watch<ConfigMap>(ConfigMap, {
    namespace: 'default',
    labelSelector: `test=${label}`,
    onChange: (now, before) =>
      told.push(`${now ? (before ? '~' : '+') : '-'}${(now ?? before)!.metadata.name}`),
    onError: error => errors.push(error),
    ...options,
  })
  informers.push(informer)
  await informer.synced
  const make = (name: string, data = {}) => direct.apply(ConfigMap, configMap(name, data, { test: label }))
  return { informer, told, errors, make }
}

Client('watches: knows what is there, and each change as it comes', async () => {
  await direct.apply(ConfigMap, configMap('w1', {}, { test: 'plain' }))
  const { informer, told, make } = await watching('plain')
  await make('w2')
  await make('w2', { n: '1' })
  await direct.delete(ConfigMap, named('w1'))
  await until(() => told.length === 4, 'four changes')
  assert.equal(told, ['+w1', '+w2', '~w2', '-w1'])
  assert.equal(
    informer.list().map(({ metadata }) => metadata.name),
    ['w2'],
  )
  assert.not.ok('managedFields' in informer.list()[0]!.metadata)
})

const ends: [string, () => void][] = [
  ['its connection is cut', () => proxy.thaw()],
  [
    'the server has forgotten where it was',
    () =>
      proxy.inject(/configmaps/, {
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' },
      }),
  ],
  [
    'the server has an error',
    () =>
      proxy.inject(/configmaps/, {
        type: 'ERROR',
        object: { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcdserver: no leader' },
      }),
  ],
]
for (const [index, [what, end]] of ends.entries()) {
  Client(`watches on when ${what}`, async () => {
    const seen = await watching(`end-${index}`)
    await seen.make(`e${index}-1`)
    await until(() => seen.told.length === 1, 'the first')
    end()
    await seen.make(`e${index}-2`)
    await until(() => seen.told.length === 2, 'the second')
    assert.equal(seen.told, [`+e${index}-1`, `+e${index}-2`], 'each is told once')
  })
}

Client('watches on after a silence, with what it missed', async () => {
  const { informer, told, make } = await watching('silence', { silentMs: 1_000 })
  await make('s1')
  await make('s2')
  await until(() => told.length === 2, 'two')
  await until(() => informer.isFresh, 'it to be fresh')
  proxy.freeze()
  await make('s3')
  await direct.delete(ConfigMap, named('s1'))
  await until(() => !informer.isFresh, 'the silence to be noticed')
  proxy.thaw()
  await until(() => told.length === 4, 'what it missed')
  assert.equal(told.slice(2).toSorted(), ['+s3', '-s1'])
})

Client('watches on when lists and watches are refused for a while', async () => {
  const { told, errors, make } = await watching('refused')
  proxy.fail({ on: /watch=true.*/, status: 410, body: { reason: 'Expired', message: 'too old' } })
  proxy.fail({ on: /GET [^?]*configmaps\?(?!.*watch=true)/, status: 500, body: { message: 'no' } })
  proxy.fail({ on: /watch=true/, status: 429, body: { message: 'busy' }, headers: { 'retry-after': '0' } })
  proxy.thaw()
  await make('r1')
  await until(() => told.length === 1, 'the first')
  await until(() => errors.some(({ status }) => status === 429), 'the last refusal')
  assert.ok(errors.some(({ status }) => status === 500))
  await make('r2')
  await until(() => told.length === 2, 'the second')
})

Client('knows what a write of its own has answered, ahead of the event, and tells it once', async () => {
  const { informer, told } = await watching('own')
  for (let n = 0; n < 20; n++) {
    const data = { n: String(n) }
    const answer = await client.apply<ConfigMap>(ConfigMap, configMap('own', data, { test: 'own' }))
    informer.take(answer)
    assert.equal((informer.get('own', 'default') as ConfigMap).data, data)
  }
  await sleep(200)
  assert.is(told.length, 20)
})

Client('asks for nothing but metadata where that is enough', async () => {
  await direct.apply(ConfigMap, configMap('large', { text: 'x'.repeat(1_000) }, { test: 'metadata' }))
  const informer = client.watch<ConfigMap>(ConfigMap, {
    namespace: 'default',
    labelSelector: 'test=metadata',
    metadataOnly: true,
  })
  informers.push(informer)
  await informer.synced
  await direct.apply(ConfigMap, configMap('later', { text: 'x' }, { test: 'metadata' }))
  await until(() => informer.list().length === 2, 'both')
  for (const object of informer.list()) {
    assert.is(object.data, undefined)
    assert.equal(object.metadata.labels, { test: 'metadata' })
  }
})

Client.run()
