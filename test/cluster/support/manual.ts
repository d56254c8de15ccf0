import { mkdir, readdir, readFile, symlink } from 'node:fs/promises'
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

/** Types commands into a shell, which ends at the first that fails. They may commit.
 *  @param folder where; by default that of this project. @returns what they printed */
export async function type(kubeconfig: string, commands: string, folder = project): Promise<string> {
  const programs = [join(project, 'node_modules/.bin'), dirname(await tool('kubectl'))]
  const PATH = [...programs, process.env.PATH].join(delimiter)
  const person = ['AUTHOR', 'COMMITTER'].flatMap(who => [
    `GIT_${who}_NAME=Ada`,
    `GIT_${who}_EMAIL=ada@example.org`,
  ])
  const settings = [`PATH='${PATH}'`, `KUBECONFIG='${kubeconfig}'`, 'GIT_CONFIG_GLOBAL=/dev/null', ...person]
  const script = `cd '${folder}'\nexport ${settings.join(' ')}\nexec 2>&1\n${commands}`
  return run('bash', ['-euo', 'pipefail', '-c', script])
}

/** A folder that looks like a clone of this project, after `npm ci`, with room beside it. @param folder a new one */
export async function cloneInto(folder: string): Promise<string> {
  const clone = join(folder, 'dyninka')
  await mkdir(clone)
  for (const name of await readdir(project))
    if (name !== '.git') await symlink(join(project, name), join(clone, name))
  return clone
}
