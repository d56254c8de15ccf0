import { readFile, writeFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { decidersOf, editPlacement, load, Problem, rebase } from '../../schema/index.ts'
import type { ControllerOptions } from '../command.ts'
import { findingsText } from '../finding-text.ts'
import { paint } from '../paint.ts'
import { type ChangedLine, changedLines } from './changed-lines.ts'
import { Checkout } from './checkout.ts'
import { findFunction } from './find-function.ts'
import { knownNodes } from './known-nodes.ts'
import { type Decision, whereTo } from './where-to.ts'

interface Options extends ControllerOptions {
  flow?: string
  dir: string
  dryRun?: true
  push: boolean
  json?: true
}

interface Moved {
  function: string
  flow: string
  /** Relative to the folder that was named. */
  file: string
  to: Decision
  changes: ChangedLine[]
  commit?: string
  pushed: boolean
}

/** Writes a decision into a `dataflow.yaml` and has Git carry it. @throws Problem; the file is then as it was */
export async function moveFile(name: string, to: Decision, options: Options): Promise<void> {
  const { dir, folder, flow } = await findFunction(options.dir, name, options.flow)
  const path = join(dir, 'dataflow.yaml')
  const file = posix.join(folder, 'dataflow.yaml')
  const before = await readFile(path, 'utf8')
  const set = [name, ...(flow.nodes.find(node => node.name === name)!.placement.with ?? [])]
  const writers = decidersOf(before, set)
  const names = writers.length > 0 ? writers : [name]
  const after = editPlacement(before, Object.fromEntries(names.map(name => [name, to])))
  const nodes = await knownNodes(flow.name, options)
  await check({ dir, folder, text: after, name, to }, nodes)
  const moved: Moved = {
    ...{ function: name, flow: flow.name, file, to },
    changes: changedLines(before, after),
    pushed: false,
  }
  if (before !== after && !options.dryRun) await carry(moved, path, { before, after }, options.push)
  if (options.json) return console.log(JSON.stringify(moved, null, 2))
  console.log(textOf(moved, options))
  if (nodes === undefined)
    console.error(
      paint(
        'dim',
        'No controller runs it here: whether there is such a node was not checked.',
        process.stderr,
      ),
    )
}

/** All of the file as it would be, but for types, which no move changes. */
async function check(
  { dir, folder, text, name, to }: { dir: string; folder: string; text: string; name: string; to: Decision },
  nodes: Awaited<ReturnType<typeof knownNodes>>,
): Promise<void> {
  const { findings } = await load(dir, {
    types: false,
    text: text.replace(/^\uFEFF/, ''),
    ...(nodes && { nodes }),
  })
  if (findings.length === 0) return
  const told = findingsText(rebase(findings, folder))
  throw new Problem('MoveRefused', `${name} can't be moved to ${whereTo(to)}:\n${told}`, {
    hint: 'Nothing was changed.',
  })
}

async function carry(
  moved: Moved,
  path: string,
  { before, after }: { before: string; after: string },
  isPushed: boolean,
): Promise<void> {
  const checkout = await Checkout.of(join(path, '..'), path)
  const destination = isPushed ? await checkout.destination() : undefined
  await writeFile(path, after)
  try {
    moved.commit = await checkout.commit(`Move ${moved.function} to ${whereTo(moved.to)}`)
  } catch (error) {
    await writeFile(path, before)
    throw error
  }
  if (!destination) return
  await checkout.push(destination)
  moved.pushed = true
}

function textOf({ function: name, file, to, changes, commit, pushed }: Moved, { dryRun }: Options): string {
  if (changes.length === 0)
    return (
      `${name} is in ${whereTo(to)} already: ${file} says so\n` +
      `  \`dyninka move ${name} --back --now\` has it go there again, if it runs elsewhere for now`
    )
  const lines = changes.map(({ line, sign, text }) => {
    const shown = `${String(line).padStart(4)} ${sign} ${text.trimEnd()}`
    return paint(sign === '+' ? 'green' : 'red', shown)
  })
  const done = pushed
    ? `${paint('green', '✓')} ${name} goes to ${whereTo(to)}: committed as ${commit!.slice(0, 7)}, and pushed`
    : commit !== undefined
      ? `${paint('green', '✓')} committed as ${commit.slice(0, 7)}; \`git push\` has ${name} go to ${whereTo(to)}`
      : dryRun && `Nothing was changed: ${name} would go to ${whereTo(to)}.`
  return [paint('bold', file), ...lines, done].join('\n')
}
