import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { until } from '../support/controlled.ts'
import type { Replica } from './support/replica.ts'
import { code, files, flow, Stage } from './support/stage.ts'

const Leader = suite('replicas of the controller')
let stage: Stage
let commit = ''
let folder = ''

Leader.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dyninka-audit-'))
  const policy = join(folder, 'policy.yaml')
  const rules = [{ level: 'Metadata', omitStages: ['RequestReceived'] }]
  await writeFile(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }))
  const log = join(folder, 'audit.log')
  stage = await Stage.open({ args: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`] })
  commit = await stage.repository.publish(files('led'), stage.url)
})
Leader.after(async () => {
  await stage?.close()
  await rm(folder, { recursive: true, force: true })
})

interface LeaseObject extends KubernetesObject {
  spec: { holderIdentity: string; leaseTransitions: number }
}

const lease = async () =>
  (await stage.client.get<LeaseObject>(resources.Lease, {
    name: 'dyninka-controller',
    namespace: 'default',
  }))!.spec

/** Itself: what it is asked about a dataflow, it hands on to who does. */
const follows = async ({ url }: Replica) =>
  (await (await fetch(`${url}/metrics`)).text()).includes('dyninka_dataflow_ready{')

/** What a user has changed so far, by the audit log of the API server. */
async function writesOf(name: string): Promise<string[]> {
  // What comes after the last end of a line is being written.
  const lines = (await readFile(join(folder, 'audit.log'), 'utf8')).split('\n').slice(0, -1)
  return lines
    .map(line => JSON.parse(line))
    .filter(({ responseStatus }) => responseStatus.code < 300)
    .filter(({ user, verb }) => user.username === name && !['get', 'list', 'watch'].includes(verb))
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`)
}

const isReady = async (replica: Replica) => (await fetch(`${replica.url}/readyz`)).status === 200

Leader('are ready to take over, and one leads', async () => {
  const first = await stage.replica()
  await stage.apply('led')
  await stage.ready('led', commit)
  const second = await stage.replica()
  await until('the one that waits is ready', () => isReady(second), undefined, 60_000)
  assert.ok(await isReady(first))
  assert.equal(await Promise.all([first, second].map(follows)), [true, false])
})

Leader('answers through each of them', async () => {
  const [, second] = stage.replicas as [Replica, Replica]
  const { dataflows } = await second.get<{ dataflows: { name: string }[] }>('/api/status')
  assert.equal(
    dataflows.map(({ name }) => name),
    ['led'],
  )
  const refused = await fetch(`${second.url}/api/logs?flow=none`)
  assert.is(refused.status, 404)
  const lines = await fetch(`${second.url}/api/tap?flow=led&function=first&limit=2`)
  assert.is((await lines.text()).trim().split('\n').length, 2)
  const tapping = await fetch(`${second.url}/api/tap?flow=led&function=first`)
  const reader = tapping.body!.getReader()
  assert.ok((await reader.read()).value!.length > 0)
  await reader.cancel()
})

Leader('take over from one that is killed in less than 15 s, with an empty disk', async () => {
  const before = stage.pids()
  const { leaseTransitions } = await lease()
  const start = performance.now()
  const seconds = () => (performance.now() - start) / 1000
  await stage.replicas.shift()!.kill()
  const isTaken = async () => (await lease()).leaseTransitions > leaseTransitions
  await until('the other one has the Lease', isTaken, undefined, 60_000)
  const taken = seconds()
  await until('the other one follows', () => follows(stage.replicas[0]!), undefined, 60_000)
  console.log(`leads after ${taken.toFixed(1)} s, follows after ${seconds().toFixed(1)} s`)
  // What comes then takes as long as the machine does.
  assert.ok(taken < 15, `${taken} s`)
  commit = await stage.repository.publish({ 'first.ts': code(2) }, stage.url)
  await stage.ready('led', commit)
  assert.is((await lease()).leaseTransitions, leaseTransitions + 1)
  await stage.swapped(before, 2) // all was adopted: only what was pushed runs anew
})

Leader('hand over at once when one is asked to end', async () => {
  const next = await stage.replica()
  await until('it waits', () => isReady(next), undefined, 60_000)
  const before = stage.pids()
  const { leaseTransitions } = await lease()
  await stage.replicas.shift()!.stop()
  const start = performance.now()
  const isTaken = async () => (await lease()).leaseTransitions > leaseTransitions
  await until('the other one has the Lease', isTaken, undefined, 60_000)
  const seconds = (performance.now() - start) / 1000
  console.log(`handed over ${seconds.toFixed(1)} s after it had ended`)
  assert.ok(seconds < 9, `${seconds} s: the Lease was not given up`)
  await until('the other one follows', () => follows(next), undefined, 60_000)
  commit = await stage.repository.publish({ 'first.ts': code(3) }, stage.url)
  await stage.ready('led', commit)
  await stage.swapped(before, 2)
})

Leader('never work side by side: one that was stopped and comes back writes nothing', async () => {
  await stage.leave()
  const groups = ['system:masters']
  const [one, two] = await Promise.all(['one', 'two'].map(name => stage.api.kubeconfigOf(name, groups)))
  const old = await stage.replica({ kubeconfig: one! })
  await until('it follows', () => follows(old), undefined, 60_000)
  const next = await stage.replica({ kubeconfig: two! })
  await until('the other one waits', () => isReady(next), undefined, 60_000)
  old.signal('SIGSTOP')
  await until('the other one follows', () => follows(next), undefined, 60_000)
  commit = await stage.repository.publish({ 'first.ts': code(4) }, stage.url)
  await stage.ready('led', commit)
  const { holderIdentity } = await lease()
  const before = await writesOf('one')
  old.signal('SIGCONT')
  await until('it knows that it leads no more', async () => !(await follows(old)), undefined, 60_000)
  await new Promise(done => setTimeout(done, 3_000))
  assert.equal((await writesOf('one')).slice(before.length), [])
  assert.ok(before.length > 0)
  assert.is((await lease()).holderIdentity, holderIdentity)
})

Leader('announce nothing twice', async () => {
  const announced = async () =>
    (await stage.events('led'))
      .filter(({ reason }) => reason === 'Ready')
      .map(({ note }) => /sha1:(\w+)/.exec(note)![1])
  // An Event is written in its own time, and by the next one if the leader is killed before.
  await until('the last one is told', async () => (await announced()).includes(commit), undefined, 60_000)
  const revisions = await announced()
  assert.is(new Set(revisions).size, revisions.length)
  assert.is(revisions.length, 4)
})

Leader(
  'leave a function pinned that the leader before has given up, and try what a push brings',
  async () => {
    await stage.leave()
    await stage.replica({ pinAfterMs: 8_000 })
    await until('it follows', () => follows(stage.replicas[0]!), undefined, 60_000)
    const before = stage.pids()
    const bad = `${code(5)}export function setup() { throw new Error('no database') }\n`
    await stage.repository.publish({ 'first.ts': bad }, stage.url)
    await stage.until('led', 'Stalled', 'True FunctionPinned')
    await stage.swapped(before, 3)
    assert.is((await stage.conditions('led')).Ready, 'False FunctionPinned')
    assert.match(await stage.message('led', 'Ready'), /mend it and push.*no database.*dyninka reconcile/s)
    const told = async () =>
      (await stage.events('led')).filter(({ reason }) => reason === 'FunctionPinned').length
    await until('an event tells it', async () => (await told()) === 1)

    await stage.replicas.shift()!.kill()
    const next = await stage.replica({ pinAfterMs: 8_000, leaseName: 'next' })
    await until('the next one follows', () => follows(next), undefined, 60_000)
    commit = await stage.repository.publish({ 'dataflow.yaml': flow('led', ', concurrency: 2') }, stage.url)
    await until('it has taken a push that does not touch it', async () =>
      (await stage.get('led'))!.status!.revision!.includes(commit),
    )
    assert.is((await stage.conditions('led')).Stalled, 'True FunctionPinned')
    assert.equal(stage.pids(), before)
    commit = await stage.repository.publish({ 'first.ts': code(6) }, stage.url)
    await stage.ready('led', commit)
    await stage.swapped(before, 2)
  },
)

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
