import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { load as parse } from 'js-yaml'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { around, makeFolder } from './support/dataflow-folder.ts'

interface Action {
  inputs: Record<string, { default: string }>
  runs: {
    using: string
    steps: { name?: string; run?: string; shell?: string; env?: Record<string, string> }[]
  }
}

const folder = fileURLToPath(new URL('../schema', import.meta.url))
const action = parse(await readFile(`${folder}/action.yml`, 'utf8')) as Action

const GitHub = suite('schema: GitHub Action')

/** Runs a step as the runner does, in a checkout. */
function run(name: string, cwd: string): Promise<{ code: number; stdout: string }> {
  const step = action.runs.steps.find(each => each.name === name)!
  assert.is(step.shell, 'bash')
  const inputs = Object.entries(step.env ?? {}).map(([variable, value]) => [
    variable,
    value.replace(/\$\{\{ inputs\.(\w+) \}\}/g, (_, input) => action.inputs[input]!.default),
  ])
  const env = { ...process.env, GITHUB_ACTION_PATH: folder, ...Object.fromEntries(inputs) }
  return new Promise(done => {
    execFile('bash', ['-e', '-o', 'pipefail', '-c', step.run!], { cwd, env }, (error, stdout) =>
      done({ code: Number(error?.code ?? 0), stdout }),
    )
  })
}

GitHub('marks the lines, by their path in the repository, and fails', async () => {
  const { dir, remove } = await makeFolder({
    'flows/a/dataflow.yaml': around('functions:\n  f: { code: f.ts, from: inn }'),
    'flows/a/f.ts': 'export default (x: number) => x',
  })
  const { code, stdout } = await run('Validate', dir)
  assert.is(code, 1)
  assert.match(stdout, '::error file=flows/a/dataflow.yaml,line=4,col=26,title=unknown-from::')
  await remove()
})

GitHub('succeeds where nothing is wrong', async () => {
  const { dir, remove } = await makeFolder({ 'dataflow.yaml': around(''), 'f.js': 'export default x => x' })
  assert.equal(await run('Validate', dir), { code: 0, stdout: '' })
  await remove()
})

GitHub.run()
