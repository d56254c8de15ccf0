import { connectAsync } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readRetained } from '../../controller/broker/read-retained.ts'
import { resources } from '../../controller/kubernetes/resource.ts'
import { mosquitto } from '../support/brokers.ts'
import { until } from '../support/controlled.ts'
import { files, Stage } from './support/stage.ts'

const Leave = suite('a Dataflow that is deleted')
let stage: Stage
let commit = ''

Leave.before(async () => {
  stage = await Stage.open({ controllers: true })
  commit = await stage.repository.publish(files('gone'), stage.url)
  await stage.replica({ leaveMs: 4_000 })
})
Leave.after(async () => {
  await stage?.close()
})

async function retained(url = stage.broker.url): Promise<string[]> {
  const client = await connectAsync(url)
  try {
    return [...(await readRetained(client, ['dyninka/#'])).keys()]
  } finally {
    await client.endAsync()
  }
}

const remove = (name: string, ...args: string[]) =>
  stage.api.kubectl('delete', `dataflow/${name}`, '--timeout=30s', ...args)

Leave('ends all that runs, and leaves nothing on the broker or in the cluster', async () => {
  await stage.apply('gone')
  await stage.ready('gone', commit)
  assert.ok((await retained()).length > 0)
  await remove('gone')
  assert.equal(stage.pids(), [])
  assert.equal(await retained(), [])
  await until('the inventory is collected', async () => {
    const place = { name: 'gone-inventory', namespace: 'default' }
    return (await stage.client.get(resources.ConfigMap, place)) === undefined
  })
})

Leave('leaves it running where its policy is Orphan, for who takes it up again', async () => {
  await stage.apply('gone', { deletionPolicy: 'Orphan' })
  await stage.ready('gone', commit)
  const before = stage.pids()
  await remove('gone')
  assert.equal(stage.pids(), before)
  assert.is(before.length, 3)
  await stage.apply('gone')
  await stage.ready('gone', commit)
  assert.equal(stage.pids(), before)
  await remove('gone')
  assert.equal(stage.pids(), [])
})

Leave('goes at once where nothing ever ran, whatever is away', async () => {
  await stage.apply('never', { broker: { url: 'mqtt://127.0.0.1:1' } })
  await stage.until('never', 'Ready', 'False BrokerUnreachable')
  const start = performance.now()
  await remove('never')
  assert.ok(performance.now() - start < 3_000)
})

Leave('does not wait for a broker that never comes back, and says what is left', async () => {
  const broker = await mosquitto()
  await stage.apply('stuck', { broker: { url: broker.url } })
  await stage.ready('stuck', commit)
  await broker.kill()
  const start = performance.now()
  await remove('stuck')
  const seconds = (performance.now() - start) / 1000
  assert.ok(seconds >= 3 && seconds < 15, `${seconds} s`)
  assert.equal(stage.pids(), [])
  const events = await stage.events('stuck')
  const left = events.find(({ reason }) => reason === 'PruneIncomplete')
  assert.match(left!.note, broker.url)
  await broker.close()
})

Leave('does not wait for a Secret that was deleted before it', async () => {
  await stage.api.kubectl('create', 'secret', 'generic', 'access', `--from-literal=url=${stage.broker.url}`)
  await stage.apply('secretive', { broker: { secretRef: { name: 'access' } } })
  await stage.ready('secretive', commit)
  await stage.api.kubectl('delete', 'secret', 'access')
  await remove('secretive')
  assert.equal(stage.pids(), [])
})

Leave('goes with its namespace', async () => {
  await stage.api.kubectl('create', 'namespace', 'short')
  await stage.apply('gone', {}, { namespace: 'short' })
  await until('it runs', async () => (await stage.conditions('gone', 'short')).Ready === 'True Running')
  await stage.api.kubectl('delete', 'namespace', 'short', '--timeout=30s')
  assert.equal(stage.pids(), [])
  assert.equal(await retained(), [])
})

Leave('goes on when the controller is killed in the middle of it', async () => {
  await stage.apply('gone')
  await stage.ready('gone', commit)
  await stage.api.kubectl('delete', 'dataflow/gone', '--wait=false')
  await stage.replicas.shift()!.kill()
  await stage.replica({ leaveMs: 4_000 })
  await stage.api.kubectl('wait', '--for=delete', 'dataflow/gone', '--timeout=30s')
  assert.equal(stage.pids(), [])
  assert.equal(await retained(), [])
})

Leave.run()
