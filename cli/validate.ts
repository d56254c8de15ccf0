import { stat } from 'node:fs/promises'
import { basename, dirname, posix, relative, resolve, sep } from 'node:path'
import { type Command, Option } from 'commander'
import type { Finding, Format } from '../schema/index.ts'
import { command } from './command.ts'
import { Usage } from './failure.ts'
import { paint } from './paint.ts'
import { Progress } from './progress.ts'

interface Options {
  format: Format
  json?: true
  types: boolean
}

export const validate = (): Command =>
  command('validate', {
    summary: 'check dataflows, their functions and the types on every edge',
    detail: 'Checks every dataflow.yaml under DIR and shows all findings, each with what to write instead.',
    examples: [
      ['dyninka validate', 'the dataflows under this folder'],
      ['dyninka validate flows/weather', 'those under another folder'],
      ['dyninka validate --format github', 'marks the lines in a GitHub workflow'],
      ['dyninka validate --format sarif > findings.sarif', 'for code scanning and editors'],
      ['dyninka validate --json', '{"ok": false, "findings": [{"file", "line", "column", …}]}'],
    ],
    failure: 'something was found',
  })
    .argument('[DIR]', 'folder to look in, or one dataflow.yaml', '.')
    .addOption(
      new Option('--format <FORMAT>', 'how to print')
        .choices(['text', 'json', 'github', 'sarif'])
        .default('text'),
    )
    .addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }))
    .option('--no-types', 'skip the types on edges, which takes longest')
    .action(async (dir: string, options: Options) => {
      const flows = await checkAll(dir, options.types)
      await print(flows, dir, options.format)
      process.exitCode = flows.some(flow => flow.findings.length > 0) ? 1 : 0
    })

interface Checked {
  /** Relative to the folder that was named, with forward slashes; '' is that folder itself. */
  folder: string
  name?: string
  nodes?: number
  /** Files relative to the folder that was named. */
  findings: Finding[]
}

async function checkAll(dir: string, types: boolean): Promise<Checked[]> {
  const { discover, load, rebase } = await import('../schema/index.ts')
  const target = await stat(dir).catch(() => undefined)
  if (!target) throw new Usage(`there is no folder ${dir}`)
  const root = target.isFile() ? dirname(dir) : dir
  const file = target.isFile() ? basename(dir) : 'dataflow.yaml'
  const folders = target.isFile() ? [''] : await discover(root)
  if (folders.length === 0) return [{ folder: '', findings: [nothingFound] }]
  using progress = new Progress('Checking')
  const checked: Checked[] = []
  for (const folder of folders) {
    progress.label = `Checking ${posix.join(folder, file)}`
    const { flow, findings } = await load(resolve(root, folder), { file, types })
    checked.push({
      folder,
      ...(flow && { name: flow.name, nodes: flow.nodes.length }),
      findings: rebase(findings, folder),
    })
  }
  return checked
}

const nothingFound: Finding = {
  file: 'dataflow.yaml',
  line: 1,
  column: 1,
  code: 'no-dataflow',
  message: 'there is no dataflow.yaml here or in a folder below',
  hint: 'Run `dyninka init` to make one, or name the folder that has it.',
}

async function print(flows: Checked[], dir: string, as: Format) {
  const { format, rebase } = await import('../schema/index.ts')
  const findings = flows.flatMap(flow => flow.findings)
  if (as === 'text' && findings.length === 0) {
    for (const { name, nodes } of flows)
      console.log(`${paint('green', '✓')} ${name}: no findings in ${nodes} nodes`)
    return
  }
  // JSON names files as the caller did; who marks or opens them starts from here.
  const from = (await stat(dir)).isFile() ? dirname(dir) : dir
  const here = relative('.', from).split(sep).join('/') || '.'
  const shown = as === 'json' ? findings : rebase(findings, here)
  process.stdout.write(await format(shown, as, { dir: '.', colour: paint('red', '') !== '' }))
}
