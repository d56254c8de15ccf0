import { posix } from 'node:path'
import type { Metafile } from 'esbuild'
import { stemOf, type Tree } from './tree.ts'

/**
 * Where a bundler looked while it resolved imports, and what it found there: by folder and stem (`parse` for
 * `parse.ts`, `parse.json`, `parse/`), the names that were there. While these are the same, and so are the
 * files that were read, every import leads where it led: a new file that would shadow one shows as a new name,
 * a link that points elsewhere as another target.
 */
export interface Look {
  [folder: string]: { [stem: string]: string[] }
}

/** @returns what decided the imports of a bundle, and the `package.json` files that had a say */
export async function lookOf(tree: Tree, code: string, metafile: Metafile, inputs: string[]) {
  const stems = new Map<string, Set<string>>()
  const add = (folder: string, name: string) => {
    if (folder.startsWith('..')) return
    const at = folder === '.' ? '' : folder
    stems.set(at, (stems.get(at) ?? new Set()).add(stemOf(name)))
  }
  const addPath = (path: string) => {
    add(posix.dirname(path), posix.basename(path)) // a file, with whatever extension
    if (!metafile.inputs[path]) for (const name of ['index', 'package']) add(path, name) // or a folder
    for (const folder of ancestors(posix.dirname(path))) add(posix.dirname(folder), posix.basename(folder))
  }
  addPath(code)
  for (const path of inputs) {
    addPath(path)
    for (const folder of ['', ...ancestors(posix.dirname(path))]) add(folder, 'package.json')
    for (const { original } of metafile.inputs[path]!.imports) {
      if (original?.startsWith('.')) addPath(posix.join(posix.dirname(path), original, '.'))
    }
  }
  const look: Look = {}
  const manifests: string[] = []
  for (const [folder, wanted] of stems) {
    const found: Look[string] = {}
    for (const stem of wanted) found[stem] = await tree.names(folder, stem)
    if (found.package?.some(name => name.startsWith('package.json')))
      manifests.push(posix.join(folder, 'package.json'))
    look[folder] = found
  }
  return { look, manifests }
}

export async function isUnchanged(tree: Tree, look: Look): Promise<boolean> {
  for (const [folder, found] of Object.entries(look)) {
    for (const [stem, names] of Object.entries(found)) {
      const now = await tree.names(folder, stem)
      if (now.length !== names.length || now.some((name, i) => name !== names[i])) return false
    }
  }
  return true
}

/** `a`, `a/b` and `a/b/c` of `a/b/c`. */
function ancestors(folder: string): string[] {
  const parts = folder === '.' || folder === '' ? [] : folder.split('/')
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}
