import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Problem } from '../schema/problem.ts'

/** Makes the folder of all that must survive a restart. @throws Problem at once where that can't be */
export function makeStateFolder(path: string): void {
  try {
    makeFolder(path)
  } catch (error) {
    throw stateProblem(error, path)
  }
}

/** Step by step: with `recursive`, Node 24 tries for ever where a folder is there and yet can have none below
 *  it, like /proc. */
function makeFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  if (!found && dirname(path) !== path) makeFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
}

const full = new Set(['ENOSPC', 'EDQUOT'])

export const diskFull = (path: string, cause: Error) =>
  new Problem('DiskFull', `cannot write ${path}: no room is left`, {
    cause,
    hint: 'Make room on the disk of the state folder; it goes on by itself then.',
  })

/** What the system says of a file of the state, as a problem; anything else passes through.
 *  It is transient: the same write is tried again, and works once there is room or the right to. */
export function stateProblem(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error
  const { code, syscall } = error as NodeJS.ErrnoException
  if (code === undefined || syscall === undefined) return error
  if (full.has(code)) return diskFull(path, error)
  return new Problem('StateUnusable', `cannot write ${path}: ${code}`, {
    cause: error,
    hint: 'The state folder must be one that can be written to; give another one with --state.',
  })
}

/** The same at the start of a controller, which does not go on by itself. */
export function startProblem(error: unknown, path: string): unknown {
  const problem = error instanceof Problem ? error : stateProblem(error, path)
  if (!(problem instanceof Problem) || problem.reason !== 'DiskFull') return problem
  return new Problem('DiskFull', problem.message, {
    cause: problem,
    hint: 'Make room on the disk of the state folder, and start it again. What ran before keeps running.',
  })
}
