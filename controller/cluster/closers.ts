/** @returns does the work at the first call, and gives what came of it at each */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined
  return () => (done ??= work())
}

/** Closes what was opened, the last first, and empties the list. @throws never */
export async function closeAll(closers: (() => unknown)[]): Promise<void> {
  for (const close of closers.splice(0).reverse())
    await Promise.resolve()
      .then(close)
      .catch(() => {})
}
