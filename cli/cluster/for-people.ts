import { ApiProblem } from '../../controller/kubernetes/api-problem.ts'
import { Problem } from '../../schema/problem.ts'

export const permissionsHint =
  'Have it granted: docs/operations.md, "Permissions of people", has a Role with all that commands need.'

/** Throws an error of the API server with what a person can do about it; others as they are. */
export function forPeople(error: unknown): never {
  if (!(error instanceof ApiProblem)) throw error
  const { status, reason, message } = error
  const hint =
    status === 403
      ? permissionsHint
      : status === 0
        ? 'Check the network, and which cluster the context names: `kubectl cluster-info`.'
        : error.hint
  throw new Problem(reason, message, { cause: error, ...(hint !== undefined && { hint }) })
}
