import { readFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../run-program.ts'
import { tool } from '../tools.ts'

const project = fileURLToPath(new URL('../../..', import.meta.url))

/** The commands of a section, block by block, as a page of this project has them.
 *  @param heading with its marks: `### Upgrade`
 *  @param names what a reader puts in for words of the page, like IMAGE */
export async function commandsOf(
  page: string,
  heading: string,
  names: Record<string, string>,
): Promise<string[]> {
  const text = await readFile(join(project, page), 'utf8')
  const [, section] = text.split(`\n${heading}\n`)
  if (section === undefined) throw new Error(`${page} has no section ${heading}`)
  const [marks] = heading.split(' ')
  const [own] = section.split(new RegExp(`^#{2,${marks!.length}} `, 'm'))
  const blocks = [...own!.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!)
  return blocks.map(block =>
    Object.entries(names).reduce((text, [name, value]) => text.replaceAll(name, value), block),
  )
}

/** Types commands into a shell in this project's folder, which ends at the first that fails.
 *  @returns what they printed */
export async function type(kubeconfig: string, commands: string, folder = project): Promise<string> {
  const programs = [join(project, 'node_modules/.bin'), dirname(await tool('kubectl'))]
  const PATH = [...programs, process.env.PATH].join(delimiter)
  const script = `cd '${folder}'\nexport PATH='${PATH}' KUBECONFIG='${kubeconfig}'\nexec 2>&1\n${commands}`
  return run('bash', ['-euo', 'pipefail', '-c', script])
}
