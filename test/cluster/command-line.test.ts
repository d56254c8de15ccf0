import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Status } from '../../cli/api/status.ts'
import { Cli, cli, terminal } from '../support/cli.ts'
import { until } from '../support/controlled.ts'
import { CommandLine, first, namespace } from './support/command-line.ts'

const Line = suite('the command line in a cluster')

let line: CommandLine

Line.before(async () => {
  line = await CommandLine.open()
})
Line.after(async () => {
  await line?.close()
})

/** A rate may be 4 in one answer and 3.98 in the next. */
const withoutNumbers = (text: string) =>
  text.replaceAll(/\d+(\.\d+)?( s\b| min\b)?/g, '0').replaceAll(/ +/g, ' ')

Line('says the same as on one machine', async () => {
  const [there, here, json] = await Promise.all([
    line.as(line.ada, 'status'),
    line.direct('status'),
    line.as(line.ada, 'status', 'etl', '--json'),
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

  const [graph, same] = await Promise.all([
    line.as(line.ada, 'graph', '--json'),
    line.direct('graph', '--live', '--json'),
  ])
  assert.is(withoutNumbers(graph.stdout), withoutNumbers(same.stdout), graph.stderr)
})

Line('has colours on a terminal only, and knows KUBECONFIG', async () => {
  const shown = await terminal(['status', '-n', namespace], {
    KUBECONFIG: line.ada,
    NO_COLOR: '',
    TERM: 'xterm-256color',
  }).end()
  assert.is.not(stripVTControlCharacters(shown.stdout), shown.stdout)
  assert.match(stripVTControlCharacters(shown.stdout), '! etl  Ready')
})

Line('shows records as they pass, through any replica, until Ctrl-C', async () => {
  const standby = await line.replica()
  await line.front.leadTo(standby.url)
  const tap = new Cli(['tap', 'first', '--json', '--kubeconfig', line.ada])
  await tap.says(/"n":1.*\n.*"n":1/)
  tap.process.kill('SIGINT')
  const { code, stderr } = await tap.end()
  assert.is(code, 130)
  assert.is(stderr, '')
  await line.front.leadTo(line.leader.url)
  line.stage.replicas = line.stage.replicas.filter(each => each !== standby)
  await standby.stop()
})

Line('handles dead letters', async () => {
  let said = ''
  await until(
    'it is listed',
    async () => {
      said = (await line.as(line.ada, 'dead', 'list')).stdout
      return said.includes('not three')
    },
    () => said,
    120_000,
  )
  const [, id] = /^first +(\S+)/m.exec(said)!
  const replayed = await line.as(line.ada, 'dead', 'replay', 'first', id!)
  assert.is(replayed.stdout, '1 replayed\n', replayed.stderr)
  assert.is((await line.as(line.ada, 'dead', 'drop', 'first', '0/999')).code, 1)
})

Line('compares a working tree with what runs', async () => {
  const dir = join(line.stage.repository.work, 'etl')
  const same = await line.as(line.ada, 'diff', dir)
  assert.is(same.stdout, '✓ etl runs as it is here\n', same.stderr)
  await writeFile(join(dir, 'first.ts'), first.replace('n: 1', 'n: 2'))
  const changed = await line.as(line.ada, 'diff', dir, '--exit-code')
  await writeFile(join(dir, 'first.ts'), first)
  assert.is(changed.code, 1)
  assert.match(changed.stdout, 'swap first for generation')
})

Line('needs no controller for logs: here is no pod that has any', async () => {
  const { code, stderr } = await line.as(line.ada, 'logs', 'first')
  assert.is(code, 0, stderr)
  const wrong = await line.as(line.ada, 'logs', 'frist')
  assert.is(wrong.code, 2)
  assert.match(wrong.stderr, 'Did you mean `first`?')
})

Line('wants to know which, where there are several', async () => {
  await line.stage.apply('second', { source: { path: 'second' } }, { namespace })
  await line.ready('second')
  const [all, tap, one, wrong] = await Promise.all([
    line.as(line.ada, 'status'),
    line.as(line.ada, 'tap', 'first', '--limit', '1'),
    line.as(line.ada, 'tap', 'first', '--limit', '1', '--flow', 'etl'),
    line.as(line.ada, 'status', 'etll'),
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
  const none = await cli(['status', '-n', 'default', '--kubeconfig', line.stage.api.kubeconfig])
  assert.is(none.code, 0)
  assert.match(none.stderr, 'there is no Dataflow in default')
})

Line('opens one Dataflow with the token of one', async () => {
  const { stdout } = await line.direct('status', '--json')
  assert.equal(
    (JSON.parse(stdout) as Status).dataflows.map(({ name }) => name),
    ['etl'],
  )
  const { code, stderr } = await line.direct('dead', 'list', '--flow', 'other')
  assert.is(code, 2)
  assert.match(stderr, 'no dataflow is called other')
})

Line.run()
