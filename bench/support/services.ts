import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** Programs of `bench/peers`, each a process of its own. */
export class Services {
  readonly processes: ChildProcess[] = []
  #env: Record<string, string>

  constructor(env: Record<string, string> = {}) {
    this.#env = env
  }

  /** @returns once it says that it is ready */
  async start(name: string, ...args: string[]): Promise<ChildProcess> {
    const program = new URL(`../peers/${name}.ts`, import.meta.url)
    const child = fork(program, args, { env: { ...process.env, ...this.#env } })
    this.processes.push(child)
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')])
    if (message !== 'ready') throw new Error(`${name} ended before it was ready`)
    return child
  }

  async stop() {
    await Promise.all(
      this.processes.map(async child => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill()
        await once(child, 'exit')
      }),
    )
  }
}
