/** Lets others wait until nothing is under way. */
export class Quiet {
  #waiting: (() => void)[] = []

  /** @returns once it is quiet, or after `timeoutMs` all the same */
  async wait(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
  }

  /** It is. */
  tell() {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
