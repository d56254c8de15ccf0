import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ControllerEvent } from '../controller/options.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

const Bad = suite<{ repository: Repository; controlled: Controlled }>('bad pushes')

const yaml = `apiVersion: dyninka.dev/v1
name: steady
sources:
  tick: { every: 1s }
functions:
  first: { code: first.ts, from: tick }
`
const code = 'export default function f(value: object): object { return value }\n'
const good = { 'dataflow.yaml': yaml, 'first.ts': code }
const replaced = (from: string, to: string) => ({ 'dataflow.yaml': yaml.replace(from, to) })

/** What was said of a commit. Waiting for it asks nothing of the controller. */
async function refusal({ events }: Controlled, commit: string) {
  const find = () => events.find(event => event.type === 'findings' && event.revision.includes(commit))
  await until('it is refused', () => find() !== undefined)
  return find() as ControllerEvent & { type: 'findings' }
}

Bad.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish(replaced('from: tick', 'from: nowhere'))
  world.controlled = await Controlled.over({ repo: world.repository.bare })
})
Bad.after(async ({ controlled, repository }) => {
  await controlled?.remove()
  await repository.remove()
})

Bad('a first revision that is refused is called by its name', async ({ repository, controlled }) => {
  await until('it is named', async () => (await controlled.status())?.name === 'steady')
  await controlled.ready(await repository.publish(good))
})

const pushes: [what: string, files: Record<string, string | null>, code: string][] = [
  ['an unknown key', replaced('code:', 'coed:'), 'unknown-key'],
  ['a tab', replaced('  first:', '\tfirst:'), 'yaml'],
  ['a duplicate key', { 'dataflow.yaml': `${yaml}name: again\n` }, 'duplicate'],
  ['a wrong type', replaced('code: first.ts', 'code: 1'), 'wrong-type'],
  ['an anchor', replaced('name: steady', 'name: &x steady'), 'yaml-anchor'],
  ['a merge key', replaced('{ every: 1s }', '{ <<: { every: 1s } }'), 'yaml-merge'],
  ['a cycle', replaced('from: tick', 'from: first'), 'cycle'],
  ['a file that is missing', { 'first.ts': null }, 'missing-code'],
  ['a syntax error', { 'first.ts': 'export default function (' }, 'syntax'],
  ['no default export', { 'first.ts': 'export const a = 1\n' }, 'default'],
  ['a bad name', replaced('name: steady', 'name: Not_Steady'), 'bad-name'],
  ['a secret that is not set', replaced('from: tick', 'from: tick, secrets: [ABSENT]'), 'secret'],
  ['10 MB of YAML', { 'dataflow.yaml': `${yaml}#${'x'.repeat(1e7)}\n` }, 'large'],
  ['a package that is missing', { 'first.ts': `import 'absent-package'\n${code}` }, 'type-error'],
]

for (const [what, files, expected] of pushes) {
  Bad(`${what} is told, and stops nothing`, async ({ repository, controlled }) => {
    const before = await controlled.pids()
    const commit = await repository.publish({ ...good, ...files })
    const { findings } = await refusal(controlled, commit)
    const codes = findings.map(({ code }) => code).join(' ')
    assert.ok(codes.includes(expected), `${codes} is not ${expected}`)
    assert.ok(findings.every(({ message, hint }) => message && hint))
    const { conditions } = (await controlled.status())!
    const stalled = conditions.find(({ type }) => type === 'Stalled')!
    assert.is(stalled.status, 'True')
    assert.match(stalled.message, commit)
    assert.equal(await controlled.pids(), before)
  })
}

Bad('the good revision, pushed again, is what runs already', async ({ repository, controlled }) => {
  const before = await controlled.pids()
  const { findings } = await controlled.ready(await repository.publish(good))
  assert.equal(findings, [])
  assert.equal(await controlled.pids(), before)
})

Bad(
  'a commit without its dataflow ends it, and the next one brings it back',
  async ({ repository, controlled }) => {
    await repository.publish({ 'dataflow.yaml': null })
    await until('nothing runs', () => controlled.processes().length === 0)
    await controlled.ready(await repository.publish(good))
  },
)

Bad.run()
