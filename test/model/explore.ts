/** One thing that may happen next. */
export interface Step<World> {
  name: string
  /** Something that goes wrong, and need not happen: a run that only waits for it is stuck. */
  fault?: boolean
  /** Changes the world that it is given. @throws when the protocol has got itself into what it rules out */
  apply(world: World): void
}

export interface Model<World> {
  /** Plain JSON, with fields always in the same order: worlds are the same when their JSON is. */
  initial: World
  steps(world: World): Step<World>[]
  /** What is wrong with a world. @param stuck nothing more happens by itself */
  check(world: World, stuck: boolean): string | undefined
}

export interface Explored {
  states: number
  transitions: number
  /** The shortest way to something wrong. */
  failure?: { problem: string; trace: string[] }
}

interface Visit {
  before: Visit | undefined
  step: string
  json: string
}

const maxStates = 1_000_000

/** Visits every world that can be reached, nearest first: what it finds wrong has no shorter way to it. */
export function explore<World>({ initial, steps, check }: Model<World>): Explored {
  const first: Visit = { before: undefined, step: '', json: JSON.stringify(initial) }
  const seen = new Set([first.json])
  let transitions = 0
  let frontier = [first]
  while (frontier.length > 0) {
    const next: Visit[] = []
    for (const visit of frontier) {
      const world = JSON.parse(visit.json) as World
      const possible = steps(world)
      const failed = (problem: string, step: string[] = []): Explored => ({
        states: seen.size,
        transitions,
        failure: { problem, trace: [...traceOf(visit), ...step] },
      })
      const problem = check(
        world,
        possible.every(({ fault }) => fault),
      )
      if (problem) return failed(problem)
      for (const [i, step] of possible.entries()) {
        transitions += 1
        const isLast = i === possible.length - 1
        const changed = isLast ? world : (JSON.parse(visit.json) as World)
        try {
          step.apply(changed)
        } catch (error) {
          return failed((error as Error).message, [step.name])
        }
        const json = JSON.stringify(changed)
        if (seen.has(json)) continue
        if (seen.size === maxStates)
          throw new Error(`more than ${maxStates} states: make the scenario smaller`)
        seen.add(json)
        next.push({ before: visit, step: step.name, json })
      }
      visit.json = ''
    }
    frontier = next
  }
  return { states: seen.size, transitions }
}

function traceOf(visit: Visit): string[] {
  const trace: string[] = []
  for (let at = visit; at.before; at = at.before) trace.unshift(at.step)
  return trace
}
