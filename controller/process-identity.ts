import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A process, and no other that gets the same ID later. */
export interface ProcessIdentity {
  pid: number
  /** When it started, as the system says it: only good for comparing. */
  started: string
}

/** @returns undefined when no such process runs (a zombie doesn't). */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedElsewhere(pid)
  return started === undefined ? undefined : { pid, started }
}

export const isAlive = ({ pid, started }: ProcessIdentity) => identify(pid)?.started === started

/** Sends a signal unless the process has ended, or its ID belongs to another one by now. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return
  try {
    process.kill(identity.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function startedOnLinux(pid: number): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // `pid (name) state ppid …`, where the name may hold spaces and parentheses; field 22 is the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

function startedElsewhere(pid: number): string | undefined {
  try {
    const options = { encoding: 'utf8' as const, stdio: ['ignore', 'pipe', 'ignore'] as const }
    const [state, ...start] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      ...options,
      stdio: [...options.stdio],
    })
      .trim()
      .split(/\s+/)
    return state === undefined || state.startsWith('Z') ? undefined : start.join(' ') || undefined
  } catch {
    return undefined
  }
}
