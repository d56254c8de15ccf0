import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { leaves } from './read-source.ts'

/** Folders below `root` that hold a `dataflow.yaml`, relative with forward slashes (`.` for the root itself), sorted.
 *  Passes over `node_modules`, folders that start with a dot, and links that leave the root. */
export async function discover(root: string): Promise<string[]> {
  const found: string[] = []
  const seen = new Set<string>()
  const visit = async (folder: string) => {
    const real = await realpath(join(root, folder))
    if (seen.has(real)) return
    seen.add(real)
    for (const entry of await readdir(real, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.name === 'dataflow.yaml') {
        if (!entry.isDirectory()) found.push(folder.split(sep).join('/'))
      } else if (entry.isDirectory() || (entry.isSymbolicLink() && (await isOwnFolder(root, path)))) {
        if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) await visit(path)
      }
    }
  }
  await visit('.')
  return found.sort()
}

async function isOwnFolder(root: string, link: string): Promise<boolean> {
  const target = await stat(join(root, link)).catch(() => undefined)
  return target?.isDirectory() === true && !(await leaves(root, link))
}
