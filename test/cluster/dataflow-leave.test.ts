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
/** Nothing that ends in order takes so long, on whatever machine. */
const patientMs = 120_000
const hastyMs = 4_000

Leave.before(async () => {
  stage = await Stage.open({ controllers: true })
  commit = await stage.repository.publish(files('gone'), stage.url)
  await stage.replica({ leaveMs: patientMs })
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

/** Kubernetes' collector of garbage looks for new kinds of resources every 30 s. */
const collectedMs = 60_000

const remove = (name: string) => stage.remove(name)

/** Another controller in place of the one that there is. */
async function replaceController(leaveMs: number) {
  await stage.leave()
  return stage.replica({ leaveMs })
}

Leave('ends all that runs, and leaves nothing on the broker or in the cluster', async () => {
  await stage.apply('gone')
  await stage.ready('gone', commit)
  assert.ok((await retained()).length > 0)
  await remove('gone')
  assert.equal(stage.pids(), [])
  assert.equal(await retained(), [])
  await until(
    'the inventory is collected',
    async () => {
      const place = { name: 'gone-inventory', namespace: 'default' }
      return (await stage.client.get(resources.ConfigMap, place)) === undefined
    },
    undefined,
    collectedMs,
  )
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
  const ms = performance.now() - start
  assert.ok(ms < patientMs / 2, `${ms} ms`)
})

Leave('does not wait for a broker that never comes back, and says what is left', async () => {
  await replaceController(hastyMs)
  const broker = await mosquitto()
  await stage.apply('stuck', { broker: { url: broker.url } })
  await stage.ready('stuck', commit)
  await broker.kill()
  const start = performance.now()
  await remove('stuck')
  const ms = performance.now() - start
  assert.ok(ms >= hastyMs * 0.75, `${ms} ms: it was given no time`)
  assert.equal(stage.pids(), [])
  const left = async () =>
    (await stage.events('stuck')).find(({ reason }) => reason === 'PruneIncomplete')?.note
  await until('it is said', async () => (await left()) !== undefined)
  assert.match((await left())!, broker.url)
  await broker.close()
})

Leave('does not wait for a Secret that was deleted before it', async () => {
  await stage.api.kubectl('create', 'secret', 'generic', 'access', `--from-literal=url=${stage.broker.url}`)
  await stage.apply('secretive', { broker: { secretRef: { name: 'access' } } })
  await stage.ready('secretive', commit)
  await stage.api.kubectl('delete', 'secret', 'access')
  await remove('secretive')
  assert.equal(stage.pids(), [])
  await replaceController(patientMs)
})

Leave('goes with its namespace', async () => {
  await stage.api.kubectl('create', 'namespace', 'short')
  await stage.apply('gone', {}, { namespace: 'short' })
  const runs = async () => (await stage.conditions('gone', 'short')).Ready === 'True Running'
  await until('it runs', runs, undefined, 60_000)
  await stage.api.kubectl('delete', 'namespace', 'short', '--timeout=120s')
  assert.equal(stage.pids(), [])
  assert.equal(await retained(), [])
})

Leave('goes on when the controller is killed in the middle of it', async () => {
  await stage.apply('gone')
  await stage.ready('gone', commit)
  await stage.api.kubectl('delete', 'dataflow/gone', '--wait=false')
  await stage.replicas.shift()!.kill()
  await stage.replica({ leaveMs: patientMs })
  await stage.api.kubectl('wait', '--for=delete', 'dataflow/gone', '--timeout=120s')
  assert.equal(stage.pids(), [])
  assert.equal(await retained(), [])
})

Leave.run()
