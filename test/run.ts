/**
 * Runs every suite below `test/` and the tests of the examples, each file in a process of its own, and closes with
 * `N passed, N failed`. Arguments choose files whose path contains one of them; without, those that take minutes
 * (`*.long.test.ts`) are left to `npm run test:long`.
 */
import { globSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import { add, closing, type Outcome, runFile } from './suite-file.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const [fileTimeoutMs, longTimeoutMs] = [240_000, 600_000]
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
const again: string[] = []
await Promise.all(Array.from({ length: cpus().length + 1 }, work))
for (const file of again) tell(file, await timed(file), ', at the second try')

console.log(`\n${closing(total)}`)
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0

/** Suites side by side take the processor from each other: one that fails is run once more, alone, and that is said. */
async function work() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const run = await timed(file)
    if (run.outcome.failed === 0) tell(file, run)
    else {
      again.push(file)
      console.log(`${styleText('yellow', '✘')} ${file}, which is run once more\n${run.output}`)
    }
  }
}

async function timed(file: string) {
  const start = performance.now()
  const run = await runFile(file, file.includes('.long.') ? longTimeoutMs : fileTimeoutMs)
  return { ...run, seconds: ((performance.now() - start) / 1000).toFixed(1) }
}

function tell(file: string, { outcome, output, seconds }: Awaited<ReturnType<typeof timed>>, how = '') {
  add(total, outcome)
  const mark = outcome.failed > 0 ? styleText('red', '✘') : styleText('green', '✔')
  console.log(`${mark} ${file} ${styleText('dim', `${outcome.passed} passed, ${seconds} s${how}`)}`)
  if (outcome.failed > 0) console.log(output)
}
