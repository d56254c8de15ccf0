/** A terminal and npm both pass on one Ctrl-C: what comes within this time is the same one. */
const SAME_PRESS_MS = 500

let abort: AbortController | undefined

/**
 * Aborts on Ctrl-C, SIGTERM, or when the reader of stdout has gone, and sets the exit code.
 * A second Ctrl-C ends the process at once. Before the first call, Ctrl-C simply ends the process.
 */
export function interruption(): AbortSignal {
  if (abort) return abort.signal
  const interrupt = new AbortController()
  abort = interrupt
  let first = 0
  const stop = (code: number) => {
    if (first === 0) {
      first = performance.now()
      process.exitCode = code
      interrupt.abort()
    } else if (performance.now() - first > SAME_PRESS_MS) process.exit(code)
  }
  process.on('SIGINT', () => stop(130))
  process.on('SIGTERM', () => stop(143))
  process.on('SIGHUP', () => stop(129))
  return interrupt.signal
}

/** `dyninka … | head` ends quietly when head has seen enough. */
export function endWithReader() {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (abort) abort.abort()
    else process.exit(0)
  })
}
