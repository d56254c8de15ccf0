import { existsSync, globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Problem } from '../schema/problem.ts'
import { readJson, writeJson } from './atomic-file.ts'
import type { ControllerOptions } from './options.ts'
import { redact } from './source/index.ts'

/**
 * Keeps one state folder for one repository. A controller takes what it finds there for its own, and ends what its
 * repository does not have: with another repository that would be all that runs.
 * @throws Problem when hosts of another repository are recorded in `state`
 */
export function claimState(state: string, { repo, dir, path = '' }: ControllerOptions): void {
  const file = join(state, 'origin.json')
  const place = dir ?? repo!
  const origin = { source: existsSync(place) ? resolve(place) : redact(place), path }
  const before = readJson<typeof origin>(file)
  const isOther = before && (before.source !== origin.source || before.path !== origin.path)
  if (isOther && globSync('hosts/*/*.json', { cwd: state }).length > 0) {
    const other = [before.source, before.path].filter(part => part !== '').join(' ')
    throw new Problem('StateOfAnotherRepository', `${state} holds what runs for ${other}`, {
      disposition: 'stalled',
      hint: `Give this one a --state folder of its own, or end the other first: dyninka stop --state ${state}`,
    })
  }
  writeJson(file, origin)
}
