import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify } from '../../controller/process-identity.ts'
import { run } from './run-program.ts'
import { ready, type Server, startServer } from './server.ts'

/** A machine made of namespaces: its own processes, mounts and network. Switched off, all that ran on it is gone. */
export interface Machine {
  /** Of its first process, as seen from outside. */
  readonly pid: number
  readonly power: Server
  /** @returns what it printed */
  run(program: string, ...args: string[]): Promise<string>
  /** Runs on by itself. @param logFile where its output goes */
  start(program: string, args: string[], logFile: string): void
  /** @returns the ID of a process that `start` started, as seen from outside; undefined when it has ended */
  find(program: string): number | undefined
  off(): Promise<void>
}

/** @param folder where it keeps what outlives the machine. @param name of the log */
export async function startMachine(folder: string, name: string): Promise<Machine> {
  // A shell that takes commands on its standard input is the first process: it collects the orphans of the others,
  // ends when this process is gone, and when it ends the kernel ends all that it started.
  const power = startServer(
    folder,
    'unshare',
    ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--', 'bash', '-s'],
    name,
  )
  let pid = 0
  await ready(power, () => {
    pid = childrenOf(power.pid)[0] ?? 0
    return pid > 0 && commandOf(pid) === 'bash'
  })
  const inside = (...command: string[]) =>
    run('nsenter', ['--target', `${pid}`, '--net', '--mount', '--pid', '--', ...command])
  return {
    pid,
    power,
    run: (program, ...args) => inside(program, ...args),
    start(program, args, logFile) {
      const command = [program, ...args].map(quoted).join(' ')
      power.input.write(`${command} >>${quoted(logFile)} 2>&1 </dev/null &\n`)
    },
    find: program => childrenOf(pid).find(child => commandOf(child) === program.slice(0, 15)),
    async off() {
      await power.kill()
      // The last that goes: when the kernel has ended all the others.
      while (identify(pid)) await sleep(20)
    },
  }
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(Number)
  } catch {
    return [] // it has ended
  }
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(join('/proc', String(pid), 'comm'), 'utf8').trim()
  } catch {
    return undefined
  }
}
