const everyMs = 15_000

/** Says on standard error that something goes on, again while it takes long, and how long it took.
 *  @returns what ends it */
export function progress(what: string): () => void {
  const start = performance.now()
  const seconds = () => `${((performance.now() - start) / 1_000).toFixed(1)} s`
  say(`${what} …`)
  const timer = setInterval(() => say(`${what} … ${seconds()}`), everyMs)
  timer.unref()
  return () => {
    clearInterval(timer)
    say(`${what}: ${seconds()}`)
  }
}

export const say = (line: string) => void process.stderr.write(`test cluster: ${line}\n`)
