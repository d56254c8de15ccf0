/** One program at a time for HiGHS, in a thread that can be ended at any moment. */
import { parentPort } from 'node:worker_threads'
import imported from 'highs'
import type { LinearProgram } from './linear-program.ts'

export interface HighsTask {
  id: number
  program: LinearProgram
  seconds: number
  /** It stops when the bound is within this share of its own best. */
  gap: number
  /** Nothing that costs more is looked for, nor is anything tried to find it sooner. */
  known?: number
}

export type HighsNews = { id: number } & (
  | { type: 'bound'; bound: number }
  | { type: 'answer'; cost: number; values: Float64Array }
  | { type: 'end'; status: 'optimal' | 'infeasible' | 'limit'; bound: number }
  | { type: 'failed'; message: string }
)

if (!parentPort) throw new Error('this is a worker')
const port = parentPort
// Its types describe the CommonJS build, of which this would be the whole module.
const loadHighs = imported as unknown as typeof imported.default
const highs = await loadHighs()
port.on('message', (task: HighsTask) => {
  try {
    solve(task)
  } catch (error) {
    port.postMessage({ id: task.id, type: 'failed', message: String(error) } satisfies HighsNews)
  }
})

function solve({ id, program, seconds, gap, known }: HighsTask) {
  const tell = (news: HighsNews) => port.postMessage(news)
  const numCols = program.cost.length
  const numRows = program.rowLower.length
  const model = highs.createModel({
    numCols,
    numRows,
    offset: program.offset,
    colCost: program.cost,
    colLower: program.lower,
    colUpper: program.upper,
    rowLower: program.rowLower,
    rowUpper: program.rowUpper,
    integrality: program.integer,
    matrix: {
      format: 'csr',
      numRows,
      numCols,
      starts: program.starts,
      indices: program.columns,
      values: program.values,
    },
  })
  try {
    model.options.set({ output_flag: false, time_limit: seconds, mip_rel_gap: gap })
    // What presolve and restarts could take out of such a program is out already, and they take most of the time.
    if (known !== undefined)
      model.options.set({
        objective_bound: known,
        mip_heuristic_effort: 0,
        mip_allow_restart: false,
        presolve: 'off',
      })
    const { callbackType, modelStatus } = highs.constants
    const run = model.run({
      [callbackType.mipLogging]({ data: { mip_dual_bound } }) {
        if (mip_dual_bound !== undefined && Number.isFinite(mip_dual_bound))
          tell({ id, type: 'bound', bound: mip_dual_bound })
        return undefined
      },
      [callbackType.mipImprovingSolution]({ data: { mip_solution, objective_function_value } }) {
        if (mip_solution) tell({ id, type: 'answer', cost: objective_function_value!, values: mip_solution })
        return undefined
      },
    })
    const bound = Number(model.info.get('mip_dual_bound'))
    const isInfeasible =
      run.modelStatus === modelStatus.infeasible || run.modelStatus === modelStatus.unboundedOrInfeasible
    const status = run.modelStatus === modelStatus.optimal ? 'optimal' : isInfeasible ? 'infeasible' : 'limit'
    if (status === 'optimal')
      tell({ id, type: 'answer', cost: model.getObjectiveValue(), values: model.getSolution().colValue })
    tell({ id, type: 'end', status, bound: Number.isFinite(bound) ? bound : Number.NEGATIVE_INFINITY })
  } finally {
    model.dispose()
  }
}
