/** Lets the process not end before `work` has: timers that wait for others to end keep none alive by themselves. */
export async function awake<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1000)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
