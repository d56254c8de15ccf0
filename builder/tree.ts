import { readFileSync } from 'node:fs'
import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from './artifact.ts'

/** A folder of sources during one build: each file and folder is read at most once. Paths are from its root. */
export class Tree {
  readonly root: string
  readonly #hashes = new Map<string, string | undefined>()
  readonly #names = new Map<string, Promise<Map<string, string[]>>>()

  constructor(root: string) {
    this.root = root
  }

  /** Of a file's content; `undefined` if it can't be read. */
  hash(path: string): string | undefined {
    if (!this.#hashes.has(path)) this.#hashes.set(path, hashFile(join(this.root, path)))
    return this.#hashes.get(path)
  }

  /** What is in a folder under one stem, sorted; `/` marks a folder, `→` a link with its target. */
  async names(folder: string, stem: string): Promise<string[]> {
    let names = this.#names.get(folder)
    if (!names) {
      names = readNames(join(this.root, folder))
      this.#names.set(folder, names)
    }
    return (await names).get(stem) ?? []
  }
}

/** `parse` of `parse.ts`, `parse.test.ts` and `parse/`. */
export const stemOf = (name: string) => /^\.?[^./→]*/.exec(name)![0]

function hashFile(path: string): string | undefined {
  try {
    return sha256(readFileSync(path)) // synchronous: see findArtifact
  } catch {
    return undefined
  }
}

async function readNames(path: string): Promise<Map<string, string[]>> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  const marked = entries.map(async entry => {
    if (entry.isSymbolicLink()) return `${entry.name}→${await readlink(join(path, entry.name))}`
    return entry.isDirectory() ? `${entry.name}/` : entry.name
  })
  const names = (await Promise.all(marked)).sort()
  return new Map(Object.entries(Object.groupBy(names, stemOf)).map(([stem, group]) => [stem, group!]))
}
