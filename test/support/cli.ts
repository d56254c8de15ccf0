import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const launcher = fileURLToPath(new URL('../../cli/dyninka.js', import.meta.url))

export interface Said {
  code: number | null
  stdout: string
  stderr: string
}

interface Options {
  cwd?: string
  env?: Record<string, string>
  /** Options of Node itself. */
  node?: string[]
  /** Before the command line: a program that runs the rest, given as one text. */
  through?: string[]
}

/** The command line, in a process of its own. */
export class Cli {
  readonly process: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #said: Said = { code: null, stdout: '', stderr: '' }

  constructor(args: string[], { cwd, env, node = [], through }: Options = {}) {
    // A user's own settings must not reach the tests: nor a state folder, nor colours (Node has none where CI is set), nor
    // a Git identity.
    const { CI: _, FORCE_COLOR: __, DYNINKA_URL: ___, ...own } = process.env
    const whole = [process.execPath, ...node, launcher, ...args]
    const [program, ...rest] = through ? [...through, whole.map(quoted).join(' ')] : whole
    this.process = spawn(program!, rest, {
      cwd: cwd ?? tmpdir(),
      env: {
        ...own,
        XDG_STATE_HOME: join(tmpdir(), 'dyninka-no-state'),
        GIT_CONFIG_GLOBAL: '/dev/null',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.process, 'close')
    for (const name of ['stdout', 'stderr'] as const) {
      this.process[name]!.setEncoding('utf8').on('data', (text: string) => {
        this.#said[name] += text
      })
    }
  }

  get said(): Readonly<Said> {
    return this.#said
  }

  async end(): Promise<Said> {
    await this.#closed // its exit may come before the last of what it said
    return { ...this.#said, code: this.process.exitCode }
  }

  /** Waits for a text on stdout or stderr. @throws with all that was said when it ends before, or takes too long */
  async says(text: string | RegExp, withinMs = 40_000): Promise<void> {
    const all = () => this.#said.stdout + this.#said.stderr
    const isThere = () => (typeof text === 'string' ? all().includes(text) : text.test(all()))
    for (const end = Date.now() + withinMs; !isThere(); await sleep(25)) {
      if (Date.now() > end || this.process.exitCode !== null)
        throw new Error(`never said ${text}, but:\n${all()}`)
    }
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** The same on a terminal, by script(1) of util-linux. */
export const terminal = (args: string[], env: Record<string, string> = {}) =>
  new Cli(args, { env, through: ['script', '-qefO', '/dev/null', '-c'] })

/** Runs a command to its end. */
export const cli = (args: string[], options?: Options): Promise<Said> => new Cli(args, options).end()

export const temporaryFolder = async () => realpath(await mkdtemp(join(tmpdir(), 'dyninka-')))
