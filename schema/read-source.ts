import { open, realpath } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { Finding } from './finding.ts'
import { SourceText } from './source-text.ts'

/** More than any dataflow that a person can read; it bounds the work that a hostile file can cause. */
const maxBytes = 1024 * 1024

/** The text of a file below `dir`, or why it can't be read. @throws only on a failing disk */
export async function readSource(dir: string, file: string): Promise<SourceText | Finding> {
  const refuse = (code: string, message: string, hint: string): Finding => ({
    file,
    line: 1,
    column: 1,
    code,
    message,
    hint,
  })
  if (await leaves(dir, file)) {
    return refuse(
      'outside',
      `${file} is a link that leaves the folder.`,
      'Keep the file itself in the folder.',
    )
  }
  try {
    await using handle = await open(join(dir, file))
    const { size } = await handle.stat()
    if (size > maxBytes) {
      const found = `${file} has ${(size / maxBytes).toFixed(1)} MiB; the limit is 1 MiB.`
      return refuse('too-large', found, 'Split it into several dataflows, each in a folder of its own.')
    }
    const bytes = await handle.readFile()
    return new SourceText(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return refuse(
        'missing',
        `There is no ${file} here.`,
        'Write one, or run `dyninka init` for a working example.',
      )
    }
    if (code === 'EISDIR') return refuse('not-a-file', `${file} is a folder.`, 'Put a file there.')
    if (code === 'EACCES') return refuse('unreadable', `${file} can't be read.`, 'Change its permissions.')
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      return refuse('not-utf8', `${file} is not UTF-8 text.`, 'Save it as UTF-8.')
    }
    throw error
  }
}

/** Whether a path ends up outside `dir`, by `..` or by a symbolic link. A missing file doesn't leave. */
export async function leaves(dir: string, file: string): Promise<boolean> {
  if (outside(resolve(dir), resolve(dir, file))) return true
  try {
    return outside(await realpath(dir), await realpath(join(dir, file)))
  } catch {
    return false
  }
}

/** Whether a path is not below `dir`, going by names alone; both are absolute and normalized. */
export const outside = (dir: string, path: string) =>
  !path.startsWith(dir.endsWith(sep) ? dir : `${dir}${sep}`)
