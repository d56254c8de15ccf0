import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

const Bad = suite<{ repository: Repository; controlled: Controlled }>('bad pushes')

const yaml = `apiVersion: dyninka.dev/v1
name: steady
sources:
  tick: { every: 100ms }
functions:
  first: { code: first.ts, from: tick }
  second: { code: second.ts, from: first }
sinks:
  out: { from: second, log: {} }
`
const code = 'export default function f(value: object): object { return value }\n'
const good = { 'dataflow.yaml': yaml, 'first.ts': code, 'second.ts': code }
const replaced = (from: string, to: string) => ({ 'dataflow.yaml': yaml.replace(from, to) })

const push = async (repository: Repository, files: Record<string, string | null>) => {
  await repository.write(files)
  const commit = await repository.commit()
  await repository.push()
  return commit
}

Bad.before(async world => {
  world.repository = await makeRepository()
  world.controlled = await Controlled.over({ repo: world.repository.bare })
  await push(world.repository, { 'dataflow.yaml': yaml.replace('from: tick', 'from: nowhere') })
  await until('it is refused', async () => (await world.controlled.status())?.findings.length !== 0)
})
Bad.after(async ({ controlled, repository }) => {
  await controlled.remove()
  await repository.remove()
})

Bad('a first revision that is refused is called by its name', async ({ repository, controlled }) => {
  await until('it is named', async () => (await controlled.status())?.name === 'steady')
  await controlled.ready(await push(repository, good))
})

const pushes: [what: string, files: Record<string, string | null>, code: string][] = [
  ['an unknown key', replaced('log: {}', 'logg: {}'), 'unknown-key'],
  ['a tab', replaced('  first:', '\tfirst:'), 'yaml'],
  ['a duplicate key', { 'dataflow.yaml': `${yaml}name: again\n` }, 'duplicate'],
  ['a cycle', replaced('from: tick', 'from: second'), 'cycle'],
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
    const commit = await push(repository, { ...good, ...files })
    const found = async () => (await controlled.status())!
    await until(
      'it is stalled',
      async () =>
        (await found()).conditions.some(
          ({ type, status, message }) => type === 'Stalled' && status === 'True' && message.includes(commit),
        ),
      () => what,
    )
    const { findings } = await found()
    assert.ok(findings.length > 0)
    const codes = findings.map(({ code }) => code).join(' ')
    assert.ok(codes.includes(expected), `${codes} is not ${expected}`)
    assert.ok(findings.every(({ message, hint }) => message && hint))
    assert.equal(await controlled.pids(), before)
    await push(repository, good)
    await until('it is valid again', async () => {
      const { conditions, findings } = await found()
      return (
        findings.length === 0 && conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
      )
    })
    assert.equal(await controlled.pids(), before, 'the good revision is what runs already')
  })
}

Bad(
  'a commit without its dataflow ends it, and the next one brings it back',
  async ({ repository, controlled }) => {
    await push(repository, { 'dataflow.yaml': null })
    await until('nothing runs', () => controlled.processes().length === 0)
    await controlled.ready(await push(repository, good))
  },
)

Bad.run()
