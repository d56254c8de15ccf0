import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Flow } from '../schema/flow.ts'
import { Problem } from '../schema/problem.ts'
import { Usage } from './failure.ts'

/** The dataflow of a folder, with its types unchecked. @throws Usage where there is none, Problem where it has findings */
export async function flowIn(dir: string): Promise<Flow> {
  const { load } = await import('../schema/index.ts')
  if (!(await stat(resolve(dir, 'dataflow.yaml')).catch(() => undefined))) {
    throw new Usage(`there is no dataflow.yaml in ${dir}`, 'Name its folder.')
  }
  const { flow, findings } = await load(resolve(dir), { types: false })
  if (flow) return flow
  const count = `${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`
  throw new Problem('Findings', `the dataflow in ${dir} has ${count}`, {
    hint: `\`dyninka validate ${dir}\` shows them.`,
  })
}
