import { compile } from './compiled.ts'
import type { Highs } from './highs.ts'
import type { Instance } from './instance.ts'
import { programOf } from './program.ts'
import { relaxed, rulesOf } from './relaxed.ts'
import { sitesOf } from './sites.ts'

export interface ConflictOptions {
  highs: Highs
  signal?: AbortSignal
  /** For each of the questions that it asks HiGHS. Absent: 10. */
  seconds?: number
}

/**
 * Rules that can't hold together, none of which can be left out of the set: without any one of them the others hold.
 * Junker's QuickXplain, with HiGHS as the judge. There may be other such sets, even smaller ones.
 *
 * @returns ids as `evaluate` names them; undefined where all rules can hold, or where it was not found out in time
 */
export async function conflictOf(
  instance: Instance,
  { highs, signal, seconds = 10 }: ConflictOptions,
): Promise<string[] | undefined> {
  /** Unknown counts as possible: a set is named only when it is proven to contradict. */
  const canHold = async (rules: readonly string[]): Promise<boolean> => {
    signal?.throwIfAborted()
    const model = compile(relaxed(instance, new Set(rules)))
    const sites = sitesOf(model, true)
    const open = Uint8Array.from(sites.cost, cost => (cost < Number.POSITIVE_INFINITY ? 1 : 0))
    const { program } = programOf(model, sites, open)!
    return (await highs.solve(program, { seconds })).status !== 'infeasible'
  }
  const explain = async (
    given: readonly string[],
    isNew: boolean,
    rules: readonly string[],
  ): Promise<string[]> => {
    if (isNew && !(await canHold(given))) return []
    if (rules.length === 1) return [...rules]
    const half = rules.length >> 1
    const [first, second] = [rules.slice(0, half), rules.slice(half)]
    const inSecond = await explain([...given, ...first], true, second)
    const inFirst = await explain([...given, ...inSecond], inSecond.length > 0, first)
    return [...inFirst, ...inSecond]
  }
  const rules = rulesOf(instance)
  if (rules.length === 0 || (await canHold(rules))) return undefined
  return explain([], false, rules)
}
