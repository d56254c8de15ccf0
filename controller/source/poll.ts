/**
 * Calls again and again, never exactly in step: many controllers that were started at once would otherwise
 * ask one server at once.
 * @param jitter share of the interval, 0 to 1, by which each wait may be shorter or longer
 * @returns stops it
 */
export function every(
  intervalMs: number,
  jitter: number,
  tick: () => void,
  random: () => number = Math.random,
): { close(): void } {
  let timer: NodeJS.Timeout
  const wait = () => {
    timer = setTimeout(
      () => {
        wait()
        tick()
      },
      intervalMs * (1 + jitter * (2 * random() - 1)),
    )
  }
  wait()
  return { close: () => clearTimeout(timer) }
}
