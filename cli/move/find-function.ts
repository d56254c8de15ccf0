import { join, resolve } from 'node:path'
import { discover, type Flow, load, Problem, rebase } from '../../schema/index.ts'
import { didYouMean, listed } from '../../schema/suggest.ts'
import { Usage } from '../failure.ts'
import { findingsText } from '../finding-text.ts'

export interface Found {
  /** Of its `dataflow.yaml`, absolute. */
  dir: string
  /** The same, relative to where it was looked for. */
  folder: string
  flow: Flow
}

/** The dataflow below a folder that has a function of that name. @throws Usage when none has, or several have; Problem
 *  when something is wrong with it already */
export async function findFunction(root: string, name: string, flowName?: string): Promise<Found> {
  const folders = await discover(root)
  if (folders.length === 0)
    throw new Problem('NoDataflow', `there is no dataflow.yaml under ${resolve(root)}`, {
      hint: 'Name the folder that has it with --dir.',
    })
  const sound: Found[] = []
  const wrong: string[] = []
  for (const folder of folders) {
    const dir = resolve(root, folder)
    const { flow, findings, name: named } = await load(dir, { types: false })
    if (flowName !== undefined && (flow?.name ?? named) !== flowName) continue
    if (flow) sound.push({ dir, folder, flow })
    else wrong.push(findingsText(rebase(findings, folder)))
  }
  const found = sound.filter(({ flow }) => flow.nodes.some(node => node.name === name))
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    const names = found.map(({ flow, folder }) => `${flow.name} (${join(folder, 'dataflow.yaml')})`)
    throw new Usage(`several dataflows have ${name}: ${listed(names)}`, 'Add --flow, or --dir.')
  }
  if (wrong.length > 0)
    throw new Problem('InvalidDataflow', `a dataflow.yaml here has findings already:\n${wrong.join('\n')}`, {
      hint: 'Mend it first; `dyninka validate` shows the same.',
    })
  if (flowName !== undefined && sound.length === 0) throw new Usage(`no dataflow here is called ${flowName}`)
  const names = sound.flatMap(({ flow }) => flow.nodes.map(node => node.name))
  throw new Usage(`nothing here is called ${name}`, didYouMean(name, names, `There are ${listed(names)}.`))
}
