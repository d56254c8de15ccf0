import { readFile, writeFile } from 'node:fs/promises'
import { Problem } from '../../schema/problem.ts'

interface Manifest {
  [field: string]: unknown
  type?: string
  scripts?: Record<string, string>
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  allowScripts?: Record<string, boolean>
}

/** Adds to a `package.json` what a dataflow's tests and types need; what it says stays.
 *  @returns the fields that were added, and what the user has to change by hand */
export async function complete(
  path: string,
  template: Manifest,
): Promise<{ added: string[]; wrong?: string }> {
  const text = await readFile(path, 'utf8')
  const manifest = parsed(text, path)
  const added: string[] = []
  if (manifest.type === undefined) {
    manifest.type = template.type!
    added.push('type')
  }
  for (const part of ['scripts', 'devDependencies', 'allowScripts'] as const) {
    const own = { ...manifest.dependencies, ...manifest[part] }
    const lacking = Object.entries(template[part] ?? {}).filter(([name]) => !(name in own))
    if (lacking.length === 0) continue
    Object.assign(manifest, { [part]: { ...manifest[part], ...Object.fromEntries(lacking) } })
    added.push(...lacking.map(([name]) => `${part}.${name}`))
  }
  if (added.length > 0) await writeFile(path, `${JSON.stringify(manifest, null, indentOf(text))}\n`)
  const isModule = manifest.type === 'module'
  return { added, ...(!isModule && { wrong: `"type" is "${manifest.type}": write "module"` }) }
}

function parsed(text: string, path: string): Manifest {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Problem('InvalidManifest', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

const indentOf = (text: string) => /^([ \t]+)"/m.exec(text)?.[1] ?? 2
