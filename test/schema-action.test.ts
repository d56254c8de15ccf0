import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load as parse } from 'js-yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { temporaryFolder } from './support/cli.ts'
import { around, makeFolder } from './support/dataflow-folder.ts'

interface Action {
  inputs: Record<string, { default: string }>
  runs: {
    using: string
    steps: { name?: string; run?: string; shell?: string; env?: Record<string, string> }[]
  }
}

interface World {
  /** The repository of the action as a runner checks it out. */
  checkout: string
}

const project = fileURLToPath(new URL('..', import.meta.url))
const folder = `${project}schema`
const action = parse(await readFile(`${folder}/action.yml`, 'utf8')) as Action

const GitHub = suite<World>('schema: GitHub Action')

GitHub.before(async world => {
  world.checkout = await temporaryFolder()
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: project,
    encoding: 'utf8',
  })
  for (const file of files.split('\0').filter(file => file !== '' && existsSync(join(project, file))))
    await cp(join(project, file), join(world.checkout, file))
  // npm asks the network for nothing that this project's own `npm ci` has not brought.
  assert.is((await run('Install', world.checkout, tmpdir())).code, 0)
})
GitHub.after(({ checkout }) => rm(checkout, { recursive: true }))

/** Runs a step as the runner does: by a script, with no more of an environment than it needs. */
async function run(name: string, checkout: string, cwd: string): Promise<{ code: number; stdout: string }> {
  const step = action.runs.steps.find(each => each.name === name)!
  assert.is(step.shell, 'bash')
  const inputs = Object.entries(step.env ?? {}).map(([variable, value]) => [
    variable,
    value.replace(/\$\{\{ inputs\.(\w+) \}\}/g, (_, input) => action.inputs[input]!.default),
  ])
  const env = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`, // the first step, actions/setup-node
    HOME: process.env.HOME,
    GITHUB_ACTION_PATH: join(checkout, 'schema'),
    npm_config_prefer_offline: 'true',
    ...Object.fromEntries(inputs),
  }
  const script = join(await temporaryFolder(), 'step.sh')
  await writeFile(script, step.run!)
  try {
    return await new Promise(done => {
      const bash = ['--noprofile', '--norc', '-e', '-o', 'pipefail', script]
      execFile('bash', bash, { cwd, env }, (error, stdout) =>
        done({ code: Number(error?.code ?? 0), stdout }),
      )
    })
  } finally {
    await rm(dirname(script), { recursive: true })
  }
}

GitHub('marks the lines, by their path in the repository, and fails', async ({ checkout }) => {
  const { dir, remove } = await makeFolder({
    'flows/a/dataflow.yaml': around('functions:\n  f: { code: f.ts, from: inn }'),
    'flows/a/f.ts': 'export default (x: number) => x',
  })
  const { code, stdout } = await run('Validate', checkout, dir)
  assert.is(code, 1)
  assert.match(stdout, '::error file=flows/a/dataflow.yaml,line=4,col=26,title=unknown-from::')
  await remove()
})

GitHub('asks the compiler about the edges', async ({ checkout }) => {
  const { dir, remove } = await makeFolder({
    'dataflow.yaml': around('functions:\n  a: { code: a.ts, from: in }\n  b: { code: b.ts, from: a }'),
    'a.ts': 'export default (x: number) => x',
    'b.ts': 'export default (x: string) => x',
  })
  const { code, stdout } = await run('Validate', checkout, dir)
  assert.is(code, 1)
  assert.match(stdout, 'title=edge-type::')
  await remove()
})

GitHub('succeeds where nothing is wrong', async ({ checkout }) => {
  const { dir, remove } = await makeFolder({ 'dataflow.yaml': around(''), 'f.js': 'export default x => x' })
  assert.equal(await run('Validate', checkout, dir), { code: 0, stdout: '' })
  await remove()
})

GitHub.run()
