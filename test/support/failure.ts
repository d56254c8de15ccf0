import type { Problem } from '../../schema/problem.ts'

/** What a promise fails with. @throws when it does not fail */
export async function failure(promise: Promise<unknown>): Promise<Problem> {
  const outcome = await promise.then(
    () => undefined,
    error => ({ error }),
  )
  if (!outcome) throw new Error('it did not fail')
  return outcome.error
}
