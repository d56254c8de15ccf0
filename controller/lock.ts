import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../schema/problem.ts'
import { readJson, writeJson } from './atomic-file.ts'
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts'

/** Makes this process the only controller of a state folder. @returns what gives it up
 *  @throws Problem when another one is alive */
export function lockState(state: string): () => void {
  const path = join(state, 'lock.json')
  const holder = readJson<ProcessIdentity>(path)
  if (holder && holder.pid !== process.pid && isAlive(holder)) {
    throw new Problem('StateInUse', `process ${holder.pid} already runs the dataflows of ${state}`, {
      disposition: 'stalled',
      hint: 'Stop it, or give another folder with --state.',
    })
  }
  writeJson(path, identify(process.pid))
  return () => rmSync(path, { force: true })
}
