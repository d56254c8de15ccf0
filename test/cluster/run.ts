/**
 * `npm run test:cluster`: the suites that need a real Kubernetes, and how long each took. Those with nodes run one after
 * the other, and beside them the rest, which mostly wait. Installs and builds what a test cluster is made of. Arguments
 * choose files whose path contains one of them; `--clean` only removes what earlier runs left.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { add, closing, type Outcome, runFile } from '../suite-file.ts'
import { sweep } from './ledger.ts'
import { say } from './progress.ts'
import { hasGo, tool, tools } from './tools.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fileTimeoutMs = 600_000
const [clean, chosen] = [process.argv.includes('--clean'), process.argv.slice(2)]
const total: Outcome = { passed: 0, failed: 0, skipped: 0 }

if (clean) {
  if ((await sweep()) === 0) say('earlier runs left nothing')
} else {
  const { rest, withNodes } = await runnable()
  await Promise.all([runAll(rest), runAll(withNodes).then(() => runAll(rest))])
  await sweep()
  console.log(`\n${closing(total)}`)
  process.exitCode = total.failed > 0 ? 1 : 0
}

/** Files that this machine can run; the others are counted as skipped, with a word. */
async function runnable(): Promise<{ rest: string[]; withNodes: string[] }> {
  const all = globSync('test/cluster/*.test.ts', { cwd: root })
    .filter(file => chosen.length === 0 || chosen.some(part => file.includes(part)))
    .sort()
  const skip = (files: string[], reason: string) => {
    if (files.length > 0) console.log(`${files.join(', ')}: left out, ${reason}`)
    total.skipped += files.length
  }
  if (!hasGo()) {
    skip(all, 'there is no Go to build Kubernetes with')
    return { rest: [], withNodes: [] }
  }
  // Those with nodes need namespaces, mounts and rules.
  const withNodes = all.filter(file => file.includes('.nodes.'))
  const rest = all.filter(file => !withNodes.includes(file))
  if (withNodes.length > 0 && process.getuid?.() === 0 && install()) {
    for (const name of tools) await tool(name)
    return { rest, withNodes }
  }
  skip(withNodes, 'nodes need root and Debian packages (test/cluster/install)')
  if (!install('api-server')) {
    skip(rest, 'etcd-server is not installed')
    return { rest: [], withNodes: [] }
  }
  for (const name of tools.slice(0, 2)) await tool(name)
  return { rest, withNodes: [] }
}

/** Takes files from the front of the list until none is left. */
async function runAll(files: string[]): Promise<void> {
  for (let file = files.shift(); file !== undefined; file = files.shift()) await runOne(file)
}

function install(...args: string[]): boolean {
  return spawnSync('test/cluster/install', args, { cwd: root, stdio: 'inherit' }).status === 0
}

/** A cluster has its own times, and a machine that is busy has others: who fails is run once more, and that is said. */
async function runOne(file: string) {
  const tell = (text: string) => process.stderr.write(text)
  const start = performance.now()
  let { outcome, output } = await runFile(file, fileTimeoutMs, tell)
  const isAgain = outcome.failed > 0
  if (isAgain) {
    console.log(`${styleText('yellow', '✘')} ${file}, which is run once more\n${output}`)
    ;({ outcome, output } = await runFile(file, fileTimeoutMs, tell))
  }
  add(total, outcome)
  const seconds = ((performance.now() - start) / 1_000).toFixed(1)
  const mark = outcome.failed > 0 ? styleText('red', '✘') : styleText('green', '✔')
  const how = `${outcome.passed} passed, ${seconds} s${isAgain ? ', at the second try' : ''}`
  console.log(`${mark} ${file} ${styleText('dim', how)}`)
  if (outcome.failed > 0) console.log(output)
}
