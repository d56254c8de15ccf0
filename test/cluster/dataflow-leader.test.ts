import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { until } from '../support/controlled.ts'
import type { Replica } from './support/replica.ts'
import { code, files, Stage } from './support/stage.ts'

const Leader = suite('replicas of the controller')
let stage: Stage
let commit = ''

Leader.before(async () => {
  stage = await Stage.open()
  commit = await stage.repository.publish(files('led'), stage.url)
})
Leader.after(async () => {
  await stage?.close()
})

interface LeaseObject extends KubernetesObject {
  spec: { holderIdentity: string; leaseTransitions: number }
}

const lease = async () =>
  (await stage.client.get<LeaseObject>(resources.Lease, {
    name: 'dyninka-controller',
    namespace: 'default',
  }))!.spec

const follows = async (replica: Replica) =>
  (await replica.get<{ dataflows: unknown[] }>('/api/status')).dataflows.length > 0

const isReady = async (replica: Replica) => (await fetch(`${replica.url}/readyz`)).status === 200

Leader('are ready to take over, and one leads', async () => {
  const first = await stage.replica()
  await stage.apply('led')
  await stage.ready('led', commit)
  const second = await stage.replica()
  await until('the one that waits is ready', () => isReady(second))
  assert.ok(await isReady(first))
  const answers = await Promise.all(
    [first, second].map(async replica => {
      const { dataflows } = await replica.get<{ dataflows: unknown[] }>('/api/status')
      return dataflows.length
    }),
  )
  assert.equal(answers, [1, 0])
})

Leader('take over from one that is killed in less than 15 s, with an empty disk', async () => {
  const before = stage.pids()
  const { leaseTransitions } = await lease()
  const start = performance.now()
  await stage.replicas.shift()!.kill()
  await until('the other one follows', () => follows(stage.replicas[0]!))
  const seconds = (performance.now() - start) / 1000
  assert.ok(seconds < 15, `${seconds} s`)
  console.log(`taken over after ${seconds.toFixed(1)} s`)
  commit = await stage.repository.publish({ 'first.ts': code(2) }, stage.url)
  await stage.ready('led', commit)
  assert.is((await lease()).leaseTransitions, leaseTransitions + 1)
  // All was adopted: only what was pushed runs anew.
  assert.is(stage.pids().filter(pid => before.includes(pid)).length, 2)
  assert.is(stage.pids().length, 3)
})

Leader('hand over at once when one is asked to end', async () => {
  const next = await stage.replica()
  await until('it waits', () => isReady(next))
  const before = stage.pids()
  const start = performance.now()
  await stage.replicas.shift()!.stop()
  await until('the other one follows', () => follows(next))
  const seconds = (performance.now() - start) / 1000
  assert.ok(seconds < 8, `${seconds} s`)
  console.log(`handed over after ${seconds.toFixed(1)} s`)
  commit = await stage.repository.publish({ 'first.ts': code(3) }, stage.url)
  await stage.ready('led', commit)
  assert.is(stage.pids().filter(pid => before.includes(pid)).length, 2)
})

Leader('never work side by side: one that was stopped and comes back does nothing', async () => {
  const next = await stage.replica()
  await until('it waits', () => isReady(next))
  const [old] = stage.replicas
  old!.signal('SIGSTOP')
  commit = await stage.repository.publish({ 'first.ts': code(4) }, stage.url)
  await stage.ready('led', commit, 40_000)
  await stage.until('led', 'Reconciling', 'False Done')
  const before = stage.pids()
  const { holderIdentity } = await lease()
  old!.signal('SIGCONT')
  await until('it knows that it leads no more', async () => {
    const { dataflows } = await old!.get<{ dataflows: unknown[] }>('/api/status')
    return dataflows.length === 0
  })
  const version = (await stage.get('led'))!.metadata.resourceVersion
  await new Promise(done => setTimeout(done, 3_000))
  assert.is((await stage.get('led'))!.metadata.resourceVersion, version)
  assert.is((await lease()).holderIdentity, holderIdentity)
  assert.equal(stage.pids(), before)
  assert.is(before.length, 3)
})

Leader('announce nothing twice', async () => {
  const ready = (await stage.events('led')).filter(({ reason }) => reason === 'Ready')
  const revisions = ready.map(({ note }) => /sha1:(\w+)/.exec(note)![1])
  assert.is(new Set(revisions).size, revisions.length)
  assert.is(revisions.length, 4)
})

Leader('share the work by label', async () => {
  await stage.leave()
  await stage.apply('led-a', { source: { path: 'a' } }, { labels: { shard: 'a' } })
  await stage.apply('led-b', { source: { path: 'b' } }, { labels: { shard: 'b' } })
  const at = (folder: string, name: string) =>
    Object.fromEntries(Object.entries(files(name)).map(([path, text]) => [`${folder}/${path}`, text]))
  commit = await stage.repository.publish({ ...at('a', 'a'), ...at('b', 'b') }, stage.url)
  const a = await stage.replica({ selector: 'shard=a', leaseName: 'shard-a' })
  const b = await stage.replica({ selector: 'shard=b', leaseName: 'shard-b' })
  await Promise.all([stage.ready('led-a', commit), stage.ready('led-b', commit)])
  const names = async (replica: Replica) =>
    (await replica.get<{ dataflows: { name: string }[] }>('/api/status')).dataflows.map(({ name }) => name)
  assert.equal(await names(a), ['a'])
  assert.equal(await names(b), ['b'])
})

Leader.run()
