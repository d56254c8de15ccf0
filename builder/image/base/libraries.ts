import { globSync, readFileSync } from 'node:fs'
import { readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Problem } from '../../../schema/problem.ts'
import type { Architecture } from '../blob.ts'
import { type Elf, readElf } from './elf.ts'

/** A library, or the loader, on this machine. */
export interface Library {
  /** Under which it is asked for. */
  name: string
  file: string
}

export interface Linked {
  loader?: { path: string; file: string }
  libraries: Library[]
  /** Folder in the image where this loader looks without being told; undefined if that can't be seen. */
  folder?: string
}

const triplets = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

/** What glibc loads by itself to look up names; part of libc.so since 2.34. */
const loadedLater = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']

/**
 * Finds the loader and all libraries that a program needs, and those that they need.
 * @param options.folders  where to look; those of this machine's own loader if there are none
 * @throws Problem
 */
export async function librariesOf(
  program: string,
  elf: Elf & { architecture: Architecture },
  options: { folders?: string[] } = {},
): Promise<Linked> {
  if (elf.needed.length === 0) return { libraries: [] } // it is static
  if (elf.loader !== undefined && /\bld-musl\b/.test(elf.loader)) throw musl(program)
  const { architecture } = elf
  const folders =
    options.folders?.flatMap(folder => below(folder, architecture)) ?? systemFolders(architecture)
  const find = async (name: string, from: string[]): Promise<(Library & { elf: Elf }) | undefined> => {
    for (const folder of [...from, ...folders]) {
      const file = join(folder, name)
      const found = await readElf(file).catch(() => undefined)
      if (found?.architecture === architecture) return { name, file: await realpath(file), elf: found }
    }
    return undefined
  }
  const found = new Map<string, Library>()
  const visit = async (needed: string[], from: string[], by: string) => {
    for (const name of needed) {
      if (found.has(name) || (elf.loader !== undefined && name === basename(elf.loader))) continue
      const library = await find(name, from)
      if (!library) throw missing(name, by, options.folders ?? folders)
      found.set(name, { name, file: library.file })
      await visit(library.elf.needed, runPath(library.elf, library.file), name)
    }
  }
  await visit(elf.needed, runPath(elf, program), program)
  for (const name of loadedLater) {
    const library = found.has(name) ? undefined : await find(name, [])
    if (library) found.set(name, { name, file: library.file })
  }
  if (elf.loader === undefined) return { libraries: [...found.values()] } // a library itself
  const path = elf.loader
  const loader = await loaderOf(elf, options.folders, () => find(basename(path), [dirname(path)]))
  if (!loader) throw missing(path, program, options.folders ?? folders)
  const folder = await defaultFolder(loader, architecture)
  return {
    loader: { path, file: loader },
    libraries: [...found.values()],
    ...(folder !== undefined && { folder }),
  }
}

/** The path that the program names is right on this machine, but of another one when libraries come from elsewhere. */
async function loaderOf(elf: Elf, folders: string[] | undefined, find: () => Promise<Library | undefined>) {
  for (const root of folders ?? ['/']) {
    const file = join(root, elf.loader!)
    const found = await readElf(file).catch(() => undefined)
    if (found?.architecture === elf.architecture) return realpath(file)
  }
  return (await find())?.file
}

/** A folder of libraries, or one that looks like the root of a system. */
const below = (folder: string, architecture: Architecture) => [
  folder,
  ...['lib', 'usr/lib'].flatMap(lib => [join(folder, lib, triplets[architecture]), join(folder, lib)]),
  ...['lib64', 'usr/lib64'].map(lib => join(folder, lib)),
]

function systemFolders(architecture: Architecture): string[] {
  return [...below('/', architecture).slice(1), ...configured('/etc/ld.so.conf')]
}

/** The folders that `ld.so.conf` names (ldconfig(8)). */
function configured(file: string): string[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return [] // not all systems have one
  }
  return text.split('\n').flatMap(line => {
    const words = line.replace(/#.*/, '').trim().split(/\s+/)
    if (words[0] === 'include') return globSync(words.slice(1)).flatMap(configured)
    return words[0]?.startsWith('/') ? [words[0]] : []
  })
}

const runPath = (elf: Elf, file: string) =>
  elf.runPath.map(folder => folder.replace(/\$(ORIGIN|\{ORIGIN\})/, dirname(file)))

/** glibc's loader holds the list of its folders as texts that end with a slash; the list differs between distributions. */
async function defaultFolder(loader: string, architecture: Architecture): Promise<string | undefined> {
  const content = await readFile(loader)
  const candidates = [`/lib/${triplets[architecture]}/`, '/lib64/', '/usr/lib64/', '/lib/', '/usr/lib/']
  return candidates.find(folder => content.includes(`\0${folder}\0`))?.slice(1, -1)
}

const musl = (program: string) =>
  new Problem('MuslBinary', `${program} is built for musl, the C library of Alpine`, {
    disposition: 'stalled',
    hint: 'Name a Node built for glibc with --node: the one that `npm install node` brings, or that of nodejs.org.',
  })

function missing(name: string, by: string, folders: string[]) {
  return new Problem('LibraryMissing', `${by} needs ${name}, which is not in ${folders.join(', ')}`, {
    disposition: 'stalled',
    hint: 'Install the package that has it, or name a folder that has it with --libs.',
  })
}
