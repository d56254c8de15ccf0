import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { loadAll } from 'js-yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Status } from '../../cli/api/status.ts'
import { type KubernetesObject, resources } from '../../controller/kubernetes/resource.ts'
import { Cli, cli, terminal } from '../support/cli.ts'
import { until } from '../support/controlled.ts'
import { Front, makeNamespace, outerAddress } from './support/front.ts'
import type { Replica } from './support/replica.ts'
import { Stage } from './support/stage.ts'

const Line = suite('the command line in a cluster')

const namespace = 'flows'
const flow = (name: string) => `apiVersion: dyninka.dev/v1
name: ${name}
sources:
  tick: { every: 250ms }
functions:
  first: { code: first.ts, from: tick, retry: { attempts: 1 } }
sinks:
  out: { from: first, log: {} }
`
const first = `import type { Context } from 'dyninka'
export default function first(_: unknown, ctx: Context): { n: number } {
  if (ctx.record.id.endsWith(':3')) throw new Error('not three')
  return { n: 1 }
}
`

let stage: Stage
let front: Front
let leader: Replica
let folder = ''
/** With a context whose namespace is that of the Dataflows. */
let ada = ''

Line.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dyninka-line-'))
  stage = await Stage.open()
  front = await Front.open(stage)
  await makeNamespace(stage.client, namespace)
  const commit = await stage.repository.publish(
    {
      'etl/dataflow.yaml': flow('etl'),
      'etl/first.ts': first,
      'second/dataflow.yaml': flow('other'),
      'second/first.ts': first,
    },
    stage.url,
  )
  await stage.apply('etl', { source: { path: 'etl' } }, { namespace })
  leader = await replica()
  await front.leadTo(leader.url)
  await ready('etl', commit)
  await until(
    'a record was given up',
    async () => {
      const headers = { 'x-dyninka-token': await token() }
      const response = await fetch(`${leader.url}/api/status`, { headers })
      const { dataflows } = (await response.json()) as Status
      return dataflows[0]?.functions.some(({ deadLetters }) => deadLetters === 1) === true
    },
    () => '',
    120_000,
  )
  ada = await kubeconfigOf('ada')
  await grant('ada', ...(await documented()))
})
Line.after(async () => {
  await stage?.close()
  await rm(folder, { recursive: true, force: true })
})

const replica = () =>
  stage.replica({ ownNamespace: front.namespace, service: front.service, listen: `${outerAddress()}:0` })

async function ready(name: string, commit = ''): Promise<void> {
  let last: unknown
  await until(
    `${name} runs ${commit}`,
    async () => {
      const { status } = (await stage.get(name, namespace))!
      last = status
      const ready = status?.conditions?.find(({ type }) => type === 'Ready')
      return ready?.status === 'True' && status?.revision?.includes(commit) === true
    },
    () => JSON.stringify(last, null, 1),
    120_000,
  )
}

/** A kubeconfig with a context `test`, of the namespace of the Dataflows. */
async function kubeconfigOf(user: string): Promise<string> {
  const text = await readFile(await stage.api.kubeconfigOf(user), 'utf8')
  const config = JSON.parse(text) as { contexts: { context: Record<string, string> }[] }
  config.contexts[0]!.context.namespace = namespace
  const file = join(folder, `${user}.kubeconfig`)
  await writeFile(file, JSON.stringify(config))
  return file
}

interface Role extends KubernetesObject {
  rules: { resources: string[]; verbs: string[] }[]
}

/** The Roles that docs/operations.md has for people, in the namespaces of this test. */
async function documented(): Promise<Role[]> {
  const text = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const [, yaml] = /```yaml\n(apiVersion: rbac.*?)```/s.exec(text)!
  return loadAll(yaml!) as Role[]
}

async function grant(user: string, ...roles: Role[]): Promise<void> {
  const rbac = 'rbac.authorization.k8s.io'
  for (const role of roles) {
    const metadata = { ...role.metadata, name: `${user}-${role.metadata.name}` }
    const binding = {
      apiVersion: role.apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: metadata.name },
      subjects: [{ apiGroup: rbac, kind: 'User', name: user }],
    }
    const { apiVersion } = role
    await stage.client.apply({ apiVersion, kind: 'Role', plural: 'roles' }, { ...role, metadata })
    await stage.client.apply({ apiVersion, kind: 'RoleBinding', plural: 'rolebindings' }, binding)
  }
}

const without = (role: Role, ...what: string[]): Role => ({
  ...role,
  rules: role.rules
    .filter(({ resources }) => !what.includes(resources[0]!))
    .map(rule => ({ ...rule, verbs: rule.verbs.filter(verb => !what.includes(verb)) })),
})

/** As that user, in the namespace of the context. */
const as = (kubeconfig: string, ...args: string[]) => cli([...args, '--kubeconfig', kubeconfig])

async function token(): Promise<string> {
  const place = { name: 'dyninka-etl-access', namespace }
  const secret = await stage.client.get<KubernetesObject & { data: { token: string } }>(
    resources.Secret,
    place,
  )
  return Buffer.from(secret!.data.token, 'base64').toString()
}

/** Asks a replica itself, as a controller of one machine is asked. */
const direct = async (...args: string[]) =>
  cli([...args, '--url', leader.url], { env: { DYNINKA_TOKEN: await token() } })

const withoutNumbers = (text: string) => text.replaceAll(/\d+ s\b|\d+ min\b|\d+/g, '0').replaceAll(/ +/g, ' ')

Line('says the same as on one machine', async () => {
  const [there, here, json] = await Promise.all([
    as(ada, 'status'),
    direct('status'),
    as(ada, 'status', 'etl', '--json'),
  ])
  assert.is(there.code, 0, there.stderr)
  assert.is(there.stderr, '')
  assert.match(there.stdout, /^! etl {2}Ready, but first gives records up {2}runs main@sha1:/)
  assert.match(there.stdout, /first +function +Running +local pid/)
  assert.is(withoutNumbers(there.stdout), withoutNumbers(here.stdout))
  const { dataflows, source } = JSON.parse(json.stdout) as Status
  assert.is(dataflows.length, 1)
  assert.is(dataflows[0]!.resource, 'etl')
  assert.ok(dataflows[0]!.functions.every(({ hosts, recordsIn }) => hosts!.length === 1 && recordsIn! >= 0))
  assert.match(source.revision!, 'main@sha1:')

  const [graph, same] = await Promise.all([as(ada, 'graph', '--json'), direct('graph', '--live', '--json')])
  assert.is(withoutNumbers(graph.stdout), withoutNumbers(same.stdout), graph.stderr)
})

Line('has colours on a terminal only, and knows KUBECONFIG', async () => {
  const shown = await terminal(['status', '-n', namespace], {
    KUBECONFIG: ada,
    NO_COLOR: '',
    TERM: 'xterm-256color',
  }).end()
  assert.is.not(stripVTControlCharacters(shown.stdout), shown.stdout)
  assert.match(stripVTControlCharacters(shown.stdout), '! etl  Ready')
})

Line('shows records as they pass, through any replica, until Ctrl-C', async () => {
  const standby = await replica()
  await front.leadTo(standby.url)
  const tap = new Cli(['tap', 'first', '--json', '--kubeconfig', ada])
  await tap.says(/"n":1.*\n.*"n":1/)
  tap.process.kill('SIGINT')
  const { code, stderr } = await tap.end()
  assert.is(code, 130)
  assert.is(stderr, '')
  await front.leadTo(leader.url)
  stage.replicas = stage.replicas.filter(each => each !== standby)
  await standby.stop()
})

Line('handles dead letters', async () => {
  let said = ''
  await until(
    'it is listed',
    async () => {
      said = (await as(ada, 'dead', 'list')).stdout
      return said.includes('not three')
    },
    () => said,
    120_000,
  )
  const [, id] = /^first +(\S+)/m.exec(said)!
  const replayed = await as(ada, 'dead', 'replay', 'first', id!)
  assert.is(replayed.stdout, '1 replayed\n', replayed.stderr)
  assert.is((await as(ada, 'dead', 'drop', 'first', '0/999')).code, 1)
})

Line('compares a working tree with what runs', async () => {
  const dir = join(stage.repository.work, 'etl')
  const same = await as(ada, 'diff', dir)
  assert.is(same.stdout, '✓ etl runs as it is here\n', same.stderr)
  await writeFile(join(dir, 'first.ts'), first.replace('n: 1', 'n: 2'))
  const changed = await as(ada, 'diff', dir, '--exit-code')
  await writeFile(join(dir, 'first.ts'), first)
  assert.is(changed.code, 1)
  assert.match(changed.stdout, 'swap first for generation')
})

Line('needs no controller for logs: here is no pod that has any', async () => {
  const { code, stderr } = await as(ada, 'logs', 'first')
  assert.is(code, 0, stderr)
  const wrong = await as(ada, 'logs', 'frist')
  assert.is(wrong.code, 2)
  assert.match(wrong.stderr, 'Did you mean `first`?')
})

Line('wants to know which, where there are several', async () => {
  await stage.apply('second', { source: { path: 'second' } }, { namespace })
  await ready('second')
  const [all, tap, one, wrong] = await Promise.all([
    as(ada, 'status'),
    as(ada, 'tap', 'first', '--limit', '1'),
    as(ada, 'tap', 'first', '--limit', '1', '--flow', 'etl'),
    as(ada, 'status', 'etll'),
  ])
  assert.is(tap.code, 2)
  assert.match(tap.stderr, 'Add --flow: etl or second.')
  assert.is(one.code, 0, one.stderr)
  assert.is(wrong.code, 2)
  assert.match(wrong.stderr, /no Dataflow in flows is called etll\n.*Did you mean `etl`\?/)
  // Of the other one, she may read the Dataflow, and not the Secret.
  assert.is(all.code, 1)
  assert.match(all.stdout, '✓ second (other)  Ready')
  assert.match(all.stderr, 'cannot get resource "secrets"')
  assert.match(all.stderr, 'Permissions of people')
  const none = await cli(['status', '-n', 'default', '--kubeconfig', stage.api.kubeconfig])
  assert.is(none.code, 0)
  assert.match(none.stderr, 'there is no Dataflow in default')
})

Line('opens one Dataflow with the token of one', async () => {
  const { stdout } = await direct('status', '--json')
  assert.equal(
    (JSON.parse(stdout) as Status).dataflows.map(({ name }) => name),
    ['etl'],
  )
  const { code, stderr } = await direct('dead', 'list', '--flow', 'other')
  assert.is(code, 2)
  assert.match(stderr, 'no dataflow is called other')
})

Line('says what is not permitted', async () => {
  const [role, proxy] = (await documented()) as [Role, Role]
  const users = ['looker', 'reader', 'nobody', 'blind'] as const
  const [looker, reader, nobody, blind] = (await Promise.all(users.map(kubeconfigOf))) as string[]
  await grant('looker', role)
  await grant('reader', role, without(proxy, 'create'))
  await grant('blind', without(role, 'pods/log'))
  const [status, replay, list, none, logs, suspend] = await Promise.all([
    as(looker!, 'status', 'etl'),
    as(reader!, 'dead', 'replay', 'first', '--all', '--flow', 'etl'),
    as(reader!, 'dead', 'list', '--flow', 'etl'),
    as(nobody!, 'status'),
    as(blind!, 'logs', '--flow', 'etl'),
    as(nobody!, 'suspend', 'etl'),
  ])
  assert.is(status.code, 1)
  assert.match(status.stdout, /first +function +Running +1 host/)
  assert.not.match(status.stdout, 'LAG')
  assert.match(status.stderr, /without counts: .*"looker" cannot get resource "services\/proxy" .* "dyninka"/)
  assert.is(replay.code, 1)
  assert.match(replay.stderr, /"reader" cannot create resource "services\/proxy"/)
  assert.is(list.code, 0, list.stderr)
  assert.is(none.code, 1)
  assert.match(none.stderr, /"nobody" cannot list resource "dataflows"/)
  assert.is(logs.code, 1)
  assert.match(logs.stderr, 'get of pods/log is denied')
  assert.match(suspend.stderr, /"nobody" cannot get resource "dataflows"/)
})

Line('says what is wrong with a kubeconfig', async () => {
  const [context, missing, absent, number] = await Promise.all([
    as(ada, 'status', '--context', 'production'),
    cli(['status', '-n', namespace], { env: { HOME: folder, KUBECONFIG: '' } }),
    as(join(folder, 'absent'), 'status'),
    cli(['logs', '-n', '5']),
  ])
  assert.is(context.code, 1)
  assert.match(context.stderr, /no context production\n.*It has: test\./)
  assert.is(missing.code, 1)
  assert.match(missing.stderr, 'there is no kubeconfig')
  assert.match(absent.stderr, 'cannot read the kubeconfig: ENOENT')
  assert.is(number.code, 2)
  assert.match(number.stderr, 'A count is --lines 5.')
})

Line('tells what the Dataflow itself says when no controller answers', async () => {
  await stage.leave()
  const [status, tap, json] = await Promise.all([
    as(ada, 'status', 'etl'),
    as(ada, 'tap', 'first', '--flow', 'etl'),
    as(ada, 'status', 'etl', '--json'),
  ])
  assert.is(status.code, 1)
  assert.match(status.stdout, /✓ etl {2}Ready/)
  assert.match(
    status.stderr,
    /this is what was written last, without counts: the controller .* can't be reached/,
  )
  assert.match(status.stderr, 'kubectl -n dyninka get pods')
  assert.is(tap.code, 1)
  assert.match(tap.stderr, "can't be reached")
  const { dataflows } = JSON.parse(json.stdout) as Status
  assert.equal(
    dataflows[0]!.functions.map(({ name, phase, hostCount }) => [name, phase, hostCount]),
    ['tick', 'first', 'out'].map(name => [name, 'Running', 1]),
  )
  await stage.apply('etl', { source: { path: 'etl' }, suspend: true }, { namespace })
  await stage.apply('new', {}, { namespace })
  const [suspended, fresh] = await Promise.all([as(ada, 'status', 'etl'), as(ada, 'status', 'new')])
  assert.is(suspended.code, 0, suspended.stderr)
  assert.match(suspended.stdout, 'suspended')
  assert.match(fresh.stdout, 'no controller has taken it up yet')
})

Line.run()
