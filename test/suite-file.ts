import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Outcome {
  passed: number
  failed: number
  skipped: number
}

const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a file of suites, with uvu or node's own runner, in a process of its own.
 *  @param said what it writes to its standard error, as it comes */
export async function runFile(
  file: string,
  timeoutMs: number,
  said?: (text: string) => void,
): Promise<{ outcome: Outcome; output: string }> {
  const silent = suitesThatNeverRun(file)
  if (silent > 0)
    return { outcome: { passed: 0, failed: silent, skipped: 0 }, output: `${file}: a suite has no .run()` }
  const child = spawn(process.execPath, [file], { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  if (said) child.stderr.on('data', chunk => said(String(chunk)))
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  clearTimeout(timer)
  return { outcome: outcomeOf(output, code), output: `${output}\n${relative(root, file)}: exit code ${code}` }
}

/** Adds up. */
export function add(total: Outcome, outcome: Outcome): void {
  for (const key of ['passed', 'failed', 'skipped'] as const) total[key] += outcome[key]
}

/** What a run closes with. */
export function closing({ passed, failed, skipped }: Outcome): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
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
