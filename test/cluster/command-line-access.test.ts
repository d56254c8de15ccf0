import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Status } from '../../cli/api/status.ts'
import { cli } from '../support/cli.ts'
import { CommandLine, documented, namespace, type Role } from './support/command-line.ts'

/** Of people, of their kubeconfig, and of the controller. */
const Line = suite('the command line in a cluster without access')

let line: CommandLine

Line.before(async () => {
  line = await CommandLine.open()
})
Line.after(async () => {
  await line?.close()
})

const without = (role: Role, ...what: string[]): Role => ({
  ...role,
  rules: role.rules
    .filter(({ resources }) => !what.includes(resources[0]!))
    .map(rule => ({ ...rule, verbs: rule.verbs.filter(verb => !what.includes(verb)) })),
})

Line('says what is not permitted', async () => {
  const [role, proxy] = (await documented()) as [Role, Role]
  const users = ['looker', 'reader', 'nobody', 'blind'] as const
  const [looker, reader, nobody, blind] = (await Promise.all(users.map(line.kubeconfigOf))) as string[]
  await line.grant('looker', role)
  await line.grant('reader', role, without(proxy, 'create'))
  await line.grant('blind', without(role, 'pods/log'))
  const [status, replay, list, none, logs, suspend] = await Promise.all([
    line.as(looker!, 'status', 'etl'),
    line.as(reader!, 'dead', 'replay', 'first', '--all', '--flow', 'etl'),
    line.as(reader!, 'dead', 'list', '--flow', 'etl'),
    line.as(nobody!, 'status'),
    line.as(blind!, 'logs', '--flow', 'etl'),
    line.as(nobody!, 'suspend', 'etl'),
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
    line.as(line.ada, 'status', '--context', 'production'),
    cli(['status', '-n', namespace], { env: { HOME: line.folder, KUBECONFIG: '' } }),
    line.as(join(line.folder, 'absent'), 'status'),
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
  await line.stage.leave()
  const [status, tap, json] = await Promise.all([
    line.as(line.ada, 'status', 'etl'),
    line.as(line.ada, 'tap', 'first', '--flow', 'etl'),
    line.as(line.ada, 'status', 'etl', '--json'),
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
  await line.stage.apply('etl', { source: { path: 'etl' }, suspend: true }, { namespace })
  await line.stage.apply('new', {}, { namespace })
  const [suspended, fresh] = await Promise.all([
    line.as(line.ada, 'status', 'etl'),
    line.as(line.ada, 'status', 'new'),
  ])
  assert.is(suspended.code, 0, suspended.stderr)
  assert.match(suspended.stdout, 'suspended')
  assert.match(fresh.stdout, 'no controller has taken it up yet')
})

Line.run()
