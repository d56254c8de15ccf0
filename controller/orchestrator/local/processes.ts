import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface HostProcess {
  pid: number
  record: string
  id: string
}

/** Host processes on this machine whose record lies under `prefix`, whoever started them. */
export function hostProcesses(prefix: string): HostProcess[] {
  const found: HostProcess[] = []
  for (const [pid, args] of commandLines()) {
    const record = args.find(arg => arg.startsWith(prefix))
    const id = args.find(arg => arg.startsWith('--id='))
    if (record && id)
      found.push({ pid, record: record.slice('--record='.length), id: id.slice('--id='.length) })
  }
  return found
}

function* commandLines(): Generator<[number, string[]]> {
  if (process.platform !== 'linux') {
    const listing = execFileSync('ps', ['-axww', '-o', 'pid=,args='], {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    })
    for (const line of listing.split('\n')) {
      const [pid, ...args] = line.trim().split(/\s+/)
      if (pid) yield [Number(pid), args]
    }
    return
  }
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      yield [Number(entry), readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0')]
    } catch {} // it has ended meanwhile, or is not ours to read
  }
}
