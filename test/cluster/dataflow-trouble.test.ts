import { execFileSync } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dump, load } from 'js-yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Schema } from '../../controller/cluster/definition.ts'
import { mosquitto } from '../support/brokers.ts'
import { until } from '../support/controlled.ts'
import { startGitServer } from '../support/git-server.ts'
import type { Replica } from './support/replica.ts'
import { code, definition, files, Stage } from './support/stage.ts'

const Trouble = suite('a Dataflow in trouble')
let stage: Stage
let commit = ''

Trouble.before(async () => {
  stage = await Stage.open()
  commit = await stage.repository.publish(files('way'), stage.url)
  await stage.replica()
})
Trouble.after(async () => {
  await stage?.close()
})

const secret = (name: string, ...values: string[]) =>
  stage.api.kubectl('create', 'secret', 'generic', name, ...values.map(value => `--from-literal=${value}`))

const warnings = async (name: string) =>
  (await stage.events(name)).filter(({ type }) => type === 'Warning').map(({ reason }) => reason)

Trouble('says which Secret is not there, and goes on once it is', async () => {
  const server = await startGitServer(stage.repository.root, { auth: { username: 'ada', password: 'right' } })
  await stage.apply('way', {
    source: { url: `${server.url}/repository.git`, interval: '1s', secretRef: { name: 'git' } },
  })
  await stage.until('way', 'Reconciling', 'True SecretNotFound')
  assert.match(
    await stage.message('way', 'Ready'),
    /there is no Secret git, which spec.source.secretRef names/,
  )

  await secret('git', 'username=ada')
  await stage.until('way', 'Reconciling', 'True SecretIncomplete')
  assert.match(await stage.message('way', 'Ready'), /no password.*Add the key password/)
  await stage.api.kubectl('delete', 'secret', 'git')

  await secret('git', 'username=ada', 'password=wrong')
  await stage.until('way', 'Stalled', 'True AuthenticationFailed')
  const message = await stage.message('way', 'Stalled')
  assert.match(message, 'Secret of spec.source.secretRef')
  assert.not.match(message, 'wrong')

  await stage.api.kubectl('patch', 'secret', 'git', '-p', '{"stringData":{"password":"right"}}')
  await stage.ready('way', commit)
  // Each of them was news, once. An Event is written in its own time.
  const news = ['AuthenticationFailed', 'SecretIncomplete', 'SecretNotFound']
  await until('all is told', async () => (await warnings('way')).toSorted().join() === news.join())
  await stage.remove('way')
  await server.stop()
})

Trouble('runs on while the Git server is away, and follows when it is back', async () => {
  await stage.apply('way')
  await stage.ready('way', commit)
  const before = stage.pids()
  const { bare } = stage.repository
  await stage.repository.git('config', 'core.bare', 'false').catch(() => {})
  const { rename } = await import('node:fs/promises')
  await rename(bare, `${bare}.away`)
  await stage.until('way', 'Reconciling', 'True RepositoryNotFound')
  assert.is((await stage.conditions('way')).Ready, 'True Running')
  assert.equal(stage.pids(), before)
  await rename(`${bare}.away`, bare)
  commit = await stage.repository.publish({ 'first.ts': code(5) }, stage.url)
  await stage.ready('way', commit)
  await stage.until('way', 'Reconciling', 'False Done')
  await stage.remove('way')
})

Trouble('says that the broker is away, and goes on when it is back', async () => {
  const broker = await mosquitto('persistence true\npersistence_location DIR/\n')
  await broker.end()
  await stage.apply('way', { broker: { url: broker.url } })
  await stage.until('way', 'Ready', 'False BrokerUnreachable')
  assert.match(await stage.message('way', 'Ready'), 'spec.broker.url')
  await broker.restart()
  await stage.ready('way', commit)
  const before = stage.pids()

  await broker.end()
  await stage.until('way', 'Reconciling', 'True BrokerUnreachable')
  await broker.restart()
  await stage.ready('way', commit)
  await stage.until('way', 'Reconciling', 'False')
  assert.equal(stage.pids(), before)
  assert.equal(await warnings('way').then(all => new Set(all).has('BrokerUnreachable')), true)
  await stage.remove('way')
  await broker.close()
})

Trouble('says that the broker refuses a password, and goes on with the right one', async () => {
  const passwords = join(stage.hosts, 'passwords')
  execFileSync('mosquitto_passwd', ['-b', '-c', passwords, 'ada', 'right'])
  await chmod(passwords, 0o644)
  const broker = await mosquitto(`allow_anonymous false\npassword_file ${passwords}\n`)
  const urlWith = (password: string) => broker.url.replace('//', `//ada:${password}@`)
  await secret('broker', `url=${urlWith('wrong')}`)
  await stage.apply('way', { broker: { secretRef: { name: 'broker' } } })
  await stage.until('way', 'Ready', 'False BrokerUnreachable')
  const message = await stage.message('way', 'Ready')
  assert.match(
    message,
    /[Nn]ot authori[sz]ed.*url, with user and password, in the Secret of spec.broker.secretRef/,
  )
  assert.not.match(message, 'wrong')
  const right = JSON.stringify({ stringData: { url: urlWith('right') } })
  await stage.api.kubectl('patch', 'secret', 'broker', '-p', right)
  await stage.ready('way', commit)
  await stage.remove('way')
  await broker.close()
})

Trouble('refuses a broker that would break a promise, and says what to change', async () => {
  const broker = await mosquitto('retain_available false\n')
  await stage.apply('way', { broker: { url: broker.url } })
  await stage.until('way', 'Stalled', 'True BrokerUnfit')
  assert.match(await stage.message('way', 'Stalled'), /retain/)
  await stage.remove('way')
  await broker.close()
})

Trouble('survives an API server that answers nothing, and one that starts again', async () => {
  await stage.apply('way')
  await stage.ready('way', commit)
  const before = stage.pids()
  stage.api.freeze()
  await new Promise(done => setTimeout(done, 20_000))
  stage.api.thaw()
  assert.equal(stage.pids(), before)
  commit = await stage.repository.publish({ 'first.ts': code(6) }, stage.url)
  await stage.ready('way', commit, 60_000)
  await stage.swapped(before, 2)

  await stage.api.kill()
  await new Promise(done => setTimeout(done, 3_000))
  await stage.api.restart()
  commit = await stage.repository.publish({ 'first.ts': code(7) }, stage.url)
  await stage.ready('way', commit, 60_000)
  await stage.swapped(before, 2)
})

Trouble('keeps what it knows when somebody writes into its inventory, or deletes it', async () => {
  const before = stage.pids()
  await stage.api.kubectl('label', 'configmap/way-inventory', 'touched=yes')
  commit = await stage.repository.publish({ 'first.ts': code(8) }, stage.url)
  await stage.ready('way', commit)
  await stage.api.kubectl('delete', 'configmap', 'way-inventory')
  commit = await stage.repository.publish({ 'first.ts': code(9) }, stage.url)
  await stage.ready('way', commit)
  await stage.swapped(before, 2)
  const { sessions } = (await stage.get('way'))!.status!.inventory!
  assert.is(sessions, 3)
  await stage.remove('way')
  assert.equal(stage.pids(), [])
})

Trouble('lets a Dataflow be that another controller has taken over', async () => {
  await stage.apply('way')
  await stage.ready('way', commit)
  const before = stage.pids()
  const [first] = stage.replicas
  const other = await stage.replica({ leaseName: 'another' }) // the same Dataflows: somebody's mistake
  const follows = async (replica: Replica) => {
    const { dataflows = [] } = await replica.get<{ dataflows?: unknown[] }>('/api/status') // or that it does not lead yet
    return dataflows.length > 0
  }
  await until('the other one follows it, too', () => follows(other), undefined, 60_000)
  // The first one learns of it by what it has to write next.
  commit = await stage.repository.publish({ 'first.ts': code(10) }, stage.url)
  await until('the first one lets it be', async () => !(await follows(first!)), undefined, 60_000)
  await stage.ready('way', commit)
  await stage.swapped(before, 2)
  await other.stop()
})

/** As an earlier version may have had it: it knows less of what a function may be doing. */
async function earlierDefinition(): Promise<string> {
  const object = load(await readFile(definition, 'utf8')) as Definition
  const { spec, status } = object.spec.versions[0]!.schema.openAPIV3Schema.properties!
  delete spec!.properties!.registry
  status!.properties!.functions!.items!.properties!.phase!.enum = ['Failed']
  const file = join(stage.api.folder, 'earlier.yaml')
  await writeFile(file, dump(object))
  return file
}

interface Definition {
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] }
}

Trouble('goes on under a definition of an earlier version, and says what that lacks', async () => {
  await stage.leave()
  // An API server does not look again at what was there and is as it was.
  const nothing = '{"status":{"functions":null}}'
  await stage.api.kubectl('patch', 'dataflow/way', '--subresource=status', '--type=merge', '-p', nothing)
  await stage.api.kubectl('apply', '--server-side', '-f', await earlierDefinition())
  await stage.replica()
  await stage.until('way', 'Reconciling', 'True DefinitionOutdated')
  const message = await stage.message('way', 'Reconciling')
  assert.match(message, 'lacks spec.registry, status.functions[].phase: Waiting')
  assert.match(message, 'helm upgrade')
  commit = await stage.repository.publish({ 'first.ts': code(11) }, stage.url)
  await stage.ready('way', commit)
  assert.is((await stage.get('way'))!.status!.functions, undefined) // which are refused
  assert.ok((await warnings('way')).includes('DefinitionOutdated'))

  await stage.api.kubectl('apply', '--server-side', '-f', definition)
  await stage.until('way', 'Reconciling', 'False Done')
  assert.is((await stage.get('way'))!.status!.functions!.length, 3)
})

Trouble.run()
