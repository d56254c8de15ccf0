/**
 * Runs every suite below `test/` and the tests of the examples, each file in a process of its own, and closes with
 * `N passed, N failed`. Arguments choose files whose path contains one of them; without, those that take minutes
 * (`*.long.test.ts`) are left to `npm run test:long`.
 */
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

interface Outcome {
  passed: number
  failed: number
  skipped: number
}

const root = fileURLToPath(new URL('..', import.meta.url))
const fileTimeoutMs = 240_000
const chosen = process.argv.slice(2)
const files = globSync(['test/*.test.ts', 'flows/*/test/*.test.ts'], { cwd: root })
  .filter(file => (chosen.length === 0 ? !file.includes('.long.') : chosen.some(part => file.includes(part))))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))

/** Suites that start processes take longest: first, so that none of them is left alone at the end. */
function rank(file: string) {
  const found = ['torture.', 'controller-', 'host-', 'cli-'].findIndex(part => file.includes(part))
  return found < 0 ? 3 : found
}

const total: Outcome = { passed: 0, failed: 0, skipped: 0 }
const queue = [...files]
await Promise.all(Array.from({ length: cpus().length + 1 }, work))

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0

async function work() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const start = performance.now()
    const { outcome, output } = await run(file)
    for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += outcome[key]
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    const mark = outcome.failed > 0 ? styleText('red', '✘') : styleText('green', '✔')
    console.log(`${mark} ${file} ${styleText('dim', `${outcome.passed} passed, ${seconds} s`)}`)
    if (outcome.failed > 0) console.log(output)
  }
}

async function run(file: string): Promise<{ outcome: Outcome; output: string }> {
  const silent = suitesThatNeverRun(file)
  if (silent > 0)
    return { outcome: { passed: 0, failed: silent, skipped: 0 }, output: `${file}: a suite has no .run()` }
  const child = spawn(process.execPath, [file], { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const timer = setTimeout(() => child.kill('SIGKILL'), fileTimeoutMs)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  clearTimeout(timer)
  return { outcome: outcomeOf(output, code), output: `${output}\n${relative(root, file)}: exit code ${code}` }
}

/** What uvu or node's own runner printed. A file that ended badly, or tested nothing, has failed. */
function outcomeOf(output: string, code: number | null): Outcome {
  const count = (pattern: RegExp) => [...output.matchAll(pattern)].reduce((sum, [, n]) => sum + Number(n), 0)
  const passed = count(/^\s*(?:Passed:|# pass|ℹ pass)\s+(\d+)/gm)
  const tests = count(/^\s*(?:Total:|# tests|ℹ tests)\s+(\d+)/gm)
  const skipped = count(/^\s*(?:Skipped:|# skipped|ℹ skipped)\s+(\d+)/gm)
  const skippedOfTotal = count(/^\s*(?:# skipped|ℹ skipped)\s+(\d+)/gm) // uvu's total is without them
  const failed = tests - passed - skippedOfTotal
  const hasNothing = tests + skipped === 0
  return { passed, skipped, failed: failed > 0 ? failed : code !== 0 || hasNothing ? 1 : 0 }
}

/** uvu says nothing of a suite that is never run. */
function suitesThatNeverRun(file: string): number {
  const text = readFileSync(`${root}/${file}`, 'utf8')
  const made = [...text.matchAll(/\bsuite\(/g)].length
  const started = [...text.matchAll(/\.run\(\)/g)].length
  return Math.max(0, made - started)
}
