import { realpath, stat } from 'node:fs/promises'
import { Problem } from '../../../schema/problem.ts'
import type { TarEntry } from '../tar.ts'
import { readElf } from './elf.ts'
import { librariesOf } from './libraries.ts'

/** Programs of this machine with the loader and libraries that they need, each where it is found here.
 *  @param programs paths in the image, and of the file there where that is another one. @throws Problem */
export async function programEntries(programs: { path: string; file?: string }[]): Promise<TarEntry[]> {
  const entries = new Map<string, TarEntry>()
  for (const { path, file = path } of programs) {
    const real = await realpath(file).catch(() => undefined)
    const elf = real && (await readElf(real))
    if (!real || !elf || (elf.architecture !== 'amd64' && elf.architecture !== 'arm64'))
      throw new Problem('ProgramMissing', `there is no program ${file} on this machine`, {
        disposition: 'stalled',
        hint: 'Install the package that has it.',
      })
    const { loader, libraries, folder } = await librariesOf(real, { ...elf, architecture: elf.architecture })
    const all = [
      { path, file: real },
      ...(loader ? [loader] : []),
      ...libraries.map(({ name, file }) => ({ path: `${folder ?? 'usr/lib'}/${name}`, file })),
    ]
    for (const one of all) {
      const at = one.path.replace(/^\/+/, '')
      entries.set(at, await programEntry(at, one.file))
    }
  }
  return [...entries.values()]
}

/** @param path in the image, relative */
export async function programEntry(path: string, file: string): Promise<TarEntry> {
  const { size } = await stat(file)
  return { path, mode: 0o755, content: { file, bytes: size } }
}
