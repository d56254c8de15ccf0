import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { git } from '../git.ts'
import { dependency, link } from '../link.ts'
import { complete } from './complete.ts'

/** Two files have another name there: npm would not publish the one, and the other would make it a package. */
const template = fileURLToPath(new URL('../template', import.meta.url))

export interface Filled {
  written: string[]
  /** Were there before. */
  kept: string[]
  /** What `package.json`, which was there before, did not say yet, like `scripts.test`. */
  added: string[]
  /** What is to be changed there by hand. */
  wrong?: string
  /** Whether a Git repository was made. */
  repository: boolean
}

/** Writes the template into a folder under another name; what is there already stays. */
export async function fill(dir: string, name: string): Promise<Filled> {
  const filled: Filled = { written: [], kept: [], added: [], repository: false }
  const entries = await readdir(template, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter(entry => entry.isFile())) {
    const from = join(entry.parentPath, entry.name)
    const file = relative(template, from).replace('_gitignore', '.gitignore').replace('_package', 'package')
    const content = await adapted(await readFile(from, 'utf8'), name)
    if (existsSync(join(dir, file))) {
      filled.kept.push(file)
      if (file === 'package.json') Object.assign(filled, await complete(join(dir, file), JSON.parse(content)))
      continue
    }
    await mkdir(dirname(join(dir, file)), { recursive: true })
    await writeFile(join(dir, file), content)
    filled.written.push(file)
  }
  await link(dir)
  if (!(await git(dir, 'rev-parse', '--is-inside-work-tree').catch(() => undefined))) {
    await git(dir, 'init', '--quiet', '--initial-branch=main')
    filled.repository = true
  }
  return filled
}

async function adapted(content: string, name: string): Promise<string> {
  return content
    .replaceAll('my-flow', name)
    .replace(/"dyninka": "[^"]*"/, `"dyninka": ${JSON.stringify(await dependency())}`)
}
