import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** An npm package of which a part is in a bundle. */
export interface Package {
  name: string
  version: string
  /** As its `package.json` has it: an SPDX expression, where it is one. */
  license?: string
}

/** The packages that bundled files belong to, each version once, by name. One without a version is left out.
 *  @param paths relative to `root`, as the bundler has them */
export async function packagesOf(root: string, paths: string[]): Promise<Package[]> {
  const folders = new Set(paths.flatMap(path => folderOf(resolve(root, path)) ?? []))
  const found = new Map<string, Package>()
  for (const folder of folders) {
    const own = await manifestIn(folder)
    if (own) found.set(`${own.name}@${own.version}`, own)
  }
  return [...found.keys()].sort().map(key => found.get(key)!)
}

/** The innermost `node_modules/name` or `node_modules/@scope/name` above a file. */
const folderOf = (path: string) => /^(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(path)?.[1]

async function manifestIn(folder: string): Promise<Package | undefined> {
  try {
    const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    if (typeof name !== 'string' || typeof version !== 'string') return undefined
    return { name, version, ...(typeof license === 'string' && { license }) }
  } catch {
    return undefined
  }
}
